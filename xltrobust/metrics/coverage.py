"""What several attacks can be compared on: the examples, and the languages, that all of them were tried on.

``worst`` is the accuracy under all attacks of a run together: an example is right if it is right under each of them. It
is a figure of *one* adversary, who has all of the attacks, and is therefore counted

- over the examples that every attack was tried on: where one was not, nobody knows what it would have done. In a
  language that an attack does not cover there is no ``worst``; else one column would hold an adversary of thirteen
  attacks in one row and an adversary of eight in another. English-only synonyms beside typos in 23 languages leave a
  ``worst`` in English alone.
- on average only where all attacks cover the same languages. An average over fewer languages than its attacks are
  averaged over can be above them, although no example is.

So on the examples it is counted over it is never above any attack, in a language or on average.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import TypeVar

WORST = "worst"

Place = TypeVar("Place", bound=Hashable)


def covered_by_all(tried: Mapping[str, Iterable[Place]]) -> set[Place]:
    """The examples that every attack was tried on.

    Args:
        tried: by attack, the examples, each with its language.

    >>> sorted(covered_by_all({"typo": [("en", 0), ("en", 1), ("de", 0)], "synonyms": [("en", 0)]}))
    [('en', 0)]
    """
    return set.intersection(*map(set, tried.values())) if tried else set()


def worst_answers(answers: Mapping[str, Mapping[Place, int]], label_of: Callable[[Place], int]) -> dict[Place, int]:
    """To every example that all attacks were tried on, a wrong answer under any of them, or its label if all are right.

    Args:
        answers: by attack and example, the class given.
        label_of: an example's label.

    >>> worst_answers({"typo": {0: 1, 1: 1}, "case": {0: 1, 1: 0, 2: 0}}, label_of=lambda place: 1)
    {0: 1, 1: 0}
    """
    common = covered_by_all(answers)
    found = {}
    for place in next(iter(answers.values()), ()):
        if place in common:
            label = label_of(place)
            found[place] = next((own[place] for own in answers.values() if own[place] != label), label)
    return found


def equally_covered(languages: Iterable[Collection[str]]) -> bool:
    """Whether all cover the same languages, so that their averages can stand beside each other.

    >>> equally_covered([["en", "de"], ["de", "en"]]), equally_covered([["en", "de"], ["en"]])
    (True, False)
    """
    return len({frozenset(own) for own in languages}) < 2

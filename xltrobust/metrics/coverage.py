"""Which examples and languages several attacks can be compared on: those that all of them were tried on.

``worst`` is the accuracy under all attacks of a run together: an example is right if it is right under each of them. It
describes *one* adversary who has all of these attacks, and therefore

- counts only the examples that every attack was tried on, as nobody knows what an attack would have done elsewhere. A
  language that some attack does not cover has no ``worst``; otherwise one row of a table could show an adversary with
  thirteen attacks, and the next an adversary with eight. With English-only synonyms beside typos in 23 languages, only
  English has a ``worst``;
- is averaged only if all attacks cover the same languages. Otherwise its average, over fewer languages, could exceed
  that of an attack although it exceeds the attack in none of them.

So on the examples that it counts, ``worst`` never exceeds the accuracy under any attack, in a language or on average.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import TypeVar

WORST = "worst"

Place = TypeVar("Place", bound=Hashable)


def covered_by_all(tried: Mapping[str, Iterable[Place]]) -> set[Place]:
    """The examples that every attack was tried on.

    Args:
        tried: for each attack the examples it was tried on, each with its language.

    >>> sorted(covered_by_all({"typo": [("en", 0), ("en", 1), ("de", 0)], "synonyms": [("en", 0)]}))
    [('en', 0)]
    """
    return set.intersection(*map(set, tried.values())) if tried else set()


def worst_answers(answers: Mapping[str, Mapping[Place, int]], label_of: Callable[[Place], int]) -> dict[Place, int]:
    """For each example that all attacks were tried on, a wrong answer under any of them, or the label if all are right.

    Args:
        answers: for each attack and example, the predicted class.
        label_of: an example's label.

    >>> worst_answers({"typo": {0: 1, 1: 1}, "case": {0: 1, 1: 0, 2: 0}}, label_of=lambda place: 1)
    {0: 1, 1: 0}
    """
    common = covered_by_all(answers)
    worst = {}
    for place in next(iter(answers.values()), ()):
        if place in common:
            label = label_of(place)
            worst[place] = next((under[place] for under in answers.values() if under[place] != label), label)
    return worst


def equally_covered(languages: Iterable[Collection[str]]) -> bool:
    """Whether all cover the same languages, so that their averages can be compared.

    >>> equally_covered([["en", "de"], ["de", "en"]]), equally_covered([["en", "de"], ["en"]])
    (True, False)
    """
    return len({frozenset(covered) for covered in languages}) < 2

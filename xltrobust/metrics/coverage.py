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

``robust`` is the same for the attacks of one suite, whose record says which languages an attack does not apply to:
those whose script has no case, say. There the attack changes nothing, and an example is right if it is right under the
others. So every language has a ``robust``, and it is averaged over all that the suite was run on. Controls do not
count. Every suite has a figure of its own: that of ``standard-1`` is ``robust``, with another budget ``robust@20``, and
that of another suite ``robust:standard-2``. A run that wants this figure alone has one row an example for it, whose
condition is called as the figure; the attacks of the suite have none then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, TypeVar

WORST = "worst"
ROBUST = "robust"
_FIRST = "standard-1"  # the suite whose figure is called by this alone

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


def robust_name(suite: str) -> str:
    """What figures call accuracy under all attacks of a suite; no two suites have the same name for it.

    >>> robust_name("standard-1"), robust_name("standard-1@20"), robust_name("standard-2"), robust_name("standard-2@20")
    ('robust', 'robust@20', 'robust:standard-2', 'robust:standard-2@20')
    """
    name, at, budget = suite.partition("@")
    return ROBUST + at + budget if name == _FIRST else f"{ROBUST}:{suite}"


def is_robust(condition: str) -> bool:
    """Whether a condition is that of a suite.

    >>> [is_robust(name) for name in ("robust", "robust@20", "robust:standard-2", "robuster")]
    [True, True, True, False]
    """
    return condition.partition("@")[0].partition(":")[0] == ROBUST


def is_attack(condition: str) -> bool:
    """Whether a condition is that of one attack, and not of several or of none."""
    return condition not in ("clean", WORST) and not is_robust(condition)


def robust_answers(
    answers: Mapping[str, Mapping[tuple[str, str], int]],
    suite: Mapping[str, Any],
    label_of: Callable[[tuple[str, str]], int],
) -> dict[tuple[str, str], int]:
    """For each example that all attacks of a suite were tried on that apply to its language, a wrong answer under any
    of them, or the label if all are right.

    Args:
        answers: for each attack and example (language and id), the predicted class.
        suite: its record in ``results.json``.
        label_of: an example's label.

    >>> suite = {"attacks": ["typos", "case"], "not_applicable": {"case": ["zh"]}}
    >>> typos = {("en", "0"): 1, ("en", "1"): 1, ("zh", "0"): 0}
    >>> robust_answers({"typos": typos, "case": {("en", "0"): 1}}, suite, label_of=lambda place: 1)
    {('en', '0'): 1, ('zh', '0'): 0}
    """
    found = {}
    for place in dict.fromkeys(place for attack in suite["attacks"] for place in answers.get(attack, ())):
        applying = attacks_on(suite, place[0])
        if all(place in answers.get(attack, ()) for attack in applying):
            label = label_of(place)
            given = (answers[attack][place] for attack in applying)
            found[place] = next((answer for answer in given if answer != label), label)
    return found


def attacks_on(suite: Mapping[str, Any], language: str) -> list[str]:
    """The attacks of a suite, by its record, that apply to a language."""
    spared = suite.get("not_applicable") or {}
    return [attack for attack in suite["attacks"] if language not in spared.get(attack, ())]

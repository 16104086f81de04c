"""What searches guided by answers share: allowed edits and their combinations, the best text so far, rankings.

They are guided by the goal's margin (:meth:`~xltrobust.perturb.goal.Goal.margin`).
"""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import Allowed, Constraint, FirstOrder, Outcome, Perturbation, Question
from xltrobust.perturb.edits import Edit, apply_edits, overlaps_any, total_distance, touched_words
from xltrobust.perturb.goal import Goal
from xltrobust.text.words import word_parts


def allowed(example: Example, edits: Sequence[Edit], constraints: Sequence[Constraint]) -> bool:
    """Whether every constraint allows the edits together; only the first that refuses counts the refusal."""
    return all(constraint.allows(example, edits) for constraint in constraints)


def allowed_edits(
    example: Example, perturbation: Perturbation, constraints: Sequence[Constraint], rng: random.Random
) -> list[Edit]:
    """The perturbation's distinct candidates that the constraints allow by themselves."""
    candidates = dict.fromkeys(perturbation.candidates(example, rng))
    return [edit for edit in candidates if allowed(example, [edit], constraints)]


def extensions(
    example: Example, chosen: Sequence[Edit], edits: Sequence[Edit], constraints: Sequence[Constraint]
) -> list[tuple[Edit, ...]]:
    """The chosen edits with one more, for every edit that does not overlap them and is allowed; sorted by position."""
    return [
        tuple(sorted([*chosen, edit]))
        for edit in edits
        if not overlaps_any(edit, chosen) and (not chosen or allowed(example, [*chosen, edit], constraints))
    ]


def passing(
    example: Example, tried: Sequence[tuple[Edit, ...]]
) -> Generator[Allowed, np.ndarray, list[tuple[Edit, ...]]]:
    """The sets of edits that the batched constraints allow; use it with ``yield from``."""
    kept = yield Allowed(example, [apply_edits(example, edits) for edits in tried])
    return [edits for edits, keep in zip(tried, kept.tolist(), strict=True) if keep]


class Best:
    """The best perturbed text so far: the first that breaks the example, or else the one with the smallest margin.

    Of several that break it in one round, the best is that with the smallest edit distance, then the first.
    """

    def __init__(self, example: Example, goal: Goal) -> None:
        self.example, self.goal = example, goal
        self.broken = False
        self._found: Outcome = None
        self._margin = np.inf

    def take(self, tried: Sequence[tuple[Edit, ...]], answers: np.ndarray) -> np.ndarray:
        """Takes the answers to a round into account.

        Args:
            tried: the sets of edits asked about, of which the first n were answered.
            answers: the victim's n answers.

        Returns:
            Their margins, shape (n,).
        """
        found = self.goal.margin(answers, self.example)
        broken = np.flatnonzero(self.goal.broken(answers, self.example)).tolist()
        self.broken = bool(broken)
        if broken:
            at = min(broken, key=lambda at: total_distance(self.example, tried[at]))
            self._found = apply_edits(self.example, tried[at]), answers[at]
        elif len(found) and found.min() < self._margin:
            at = int(found.argmin())
            self._margin = found[at]
            self._found = apply_edits(self.example, tried[at]), answers[at]
        return found

    def result(self) -> Outcome:
        """The best text and the victim's answer to it; None if none was tried."""
        return self._found


def change_word_by_word(
    example: Example,
    places: Sequence[list[Edit]],
    constraints: Sequence[Constraint],
    best: Best,
    margin: float,
    number: int,
    sweeps: int = 1,
    exchange: bool = False,
) -> Generator[Question, np.ndarray, None]:
    """Gives each word in turn the edit that lowers the margin most, until ``best`` is broken or the budget spent.

    Args:
        example: the original.
        places: the edits of each word.
        constraints: have to allow the chosen edits together.
        best: keeps the best text.
        margin: that of the original.
        number: how many edits of a word are tried in a sweep, in one round.
        sweeps: how often to go through the words.
        exchange: where constraints allow no edit of a word beside the chosen ones, try its edits in place of them.
    """
    chosen: tuple[Edit, ...] = ()
    for start in range(0, number * sweeps, number):
        for word_edits in places:
            others = tuple(edit for edit in chosen if edit not in word_edits)
            fresh = word_edits[start : start + number]
            tried = extensions(example, others, fresh, constraints)
            if exchange and others and not tried:
                tried = extensions(example, (), fresh, constraints)
            tried = yield from passing(example, tried)
            if not tried:
                continue
            answers = yield [apply_edits(example, edits) for edits in tried]
            found = best.take(tried, answers)
            if best.broken or len(answers) < len(tried):
                return
            if found.min() < margin:
                margin, chosen = found.min(), tried[found.argmin()]


def rank_by_gradient(
    example: Example, places: dict[Edit, list[Edit]]
) -> Generator[Question, np.ndarray, list[list[Edit]]]:
    """Ranks words, and the edits of each, by one gradient, the best first; empty if the budget does not cover it."""
    effects = yield FirstOrder(example, [edit for word_edits in places.values() for edit in word_edits])
    if len(effects) == 0:
        return []
    ranked, at = [], 0
    for word_edits in places.values():
        of_word = effects[at : at + len(word_edits)]
        order = np.argsort(of_word, kind="stable")
        ranked.append((of_word[order[0]], [word_edits[i] for i in order]))
        at += len(word_edits)
    return [word_edits for _, word_edits in sorted(ranked, key=lambda pair: pair[0])]


def by_place(example: Example, edits: Sequence[Edit]) -> dict[Edit, list[Edit]]:
    """Groups edits by the word that they touch; if they touch several, by the first.

    Returns:
        The edits of each word, in the order given. Keys are edits that delete the word; for edits that touch no word,
        edits that delete their span.
    """
    places: dict[Edit, list[Edit]] = {}
    for edit in edits:
        text = getattr(example, edit.side)
        touched = touched_words(text, edit)
        start, end = word_parts(text)[touched[0]] if touched else (edit.start, edit.end)
        places.setdefault(Edit(start, end, "", edit.side), []).append(edit)
    return places

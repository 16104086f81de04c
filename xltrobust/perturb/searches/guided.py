"""What searches that learn from answers share: single edits that are allowed, how near a text is to breaking, the best.

How near a text is to breaking is the goal's margin (:meth:`~xltrobust.perturb.goal.Goal.margin`).
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
    """Whether every constraint allows the edits; the first that does not is the only one to count it."""
    return all(constraint.allows(example, edits) for constraint in constraints)


def allowed_edits(
    example: Example, perturbation: Perturbation, constraints: Sequence[Constraint], rng: random.Random
) -> list[Edit]:
    """The perturbation's candidates that may be made by themselves, each once."""
    candidates = dict.fromkeys(perturbation.candidates(example, rng))
    return [edit for edit in candidates if allowed(example, [edit], constraints)]


def extensions(
    example: Example, chosen: Sequence[Edit], edits: Sequence[Edit], constraints: Sequence[Constraint]
) -> list[tuple[Edit, ...]]:
    """The chosen edits with one more, wherever that is possible and allowed; each in the order of the text."""
    return [
        tuple(sorted([*chosen, edit]))
        for edit in edits
        if not overlaps_any(edit, chosen) and (not chosen or allowed(example, [*chosen, edit], constraints))
    ]


def passing(
    example: Example, tried: Sequence[tuple[Edit, ...]]
) -> Generator[Allowed, np.ndarray, list[tuple[Edit, ...]]]:
    """Those sets of edits that the batched constraints allow; to be used with ``yield from``."""
    kept = yield Allowed(example, [apply_edits(example, own) for own in tried])
    return [own for own, keep in zip(tried, kept.tolist(), strict=True) if keep]


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
        """Look at the answers to a round.

        Args:
            tried: what was asked about, as edits of the example; only the first n were answered.
            answers: the victim's, n along the first axis.

        Returns:
            Their margins (n,).
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
        """The text and the victim's answer to it; None if none was tried."""
        return self._found


def change_word_by_word(
    example: Example,
    places: Sequence[list[Edit]],
    constraints: Sequence[Constraint],
    best: Best,
    margin: float,
    number: int,
    sweeps: int = 1,
) -> Generator[Question, np.ndarray, None]:
    """Gives each word in turn the edit that lowers the margin most, until ``best`` is broken or the budget spent.

    Args:
        example: the original.
        places: edits of each word.
        constraints: allow them together.
        best: keeps what is found.
        margin: of the original, which is to be lowered.
        number: how many edits of a word are tried in a sweep: one question.
        sweeps: how often to go through the words.
    """
    chosen: tuple[Edit, ...] = ()
    for start in range(0, number * sweeps, number):
        for own in places:
            others = tuple(edit for edit in chosen if edit not in own)
            tried = extensions(example, others, own[start : start + number], constraints)
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
    """The edits of each word by one gradient, the best first, as is the word with the best; none without budget."""
    effects = yield FirstOrder(example, [edit for own in places.values() for edit in own])
    if len(effects) == 0:
        return []
    ranked, at = [], 0
    for own in places.values():
        mine = effects[at : at + len(own)]
        order = np.argsort(mine, kind="stable")
        ranked.append((mine[order[0]], [own[i] for i in order]))
        at += len(own)
    return [own for _, own in sorted(ranked, key=lambda pair: pair[0])]


def by_place(example: Example, edits: Sequence[Edit]) -> dict[Edit, list[Edit]]:
    """Edits by the word that they touch (the first, if they touch several), in their order.

    Returns:
        The edits, by an edit that deletes the word. Those that touch no word are keyed by the deletion of their span.
    """
    places: dict[Edit, list[Edit]] = {}
    for edit in edits:
        text = getattr(example, edit.side)
        touched = touched_words(text, edit)
        start, end = word_parts(text)[touched[0]] if touched else (edit.start, edit.end)
        places.setdefault(Edit(start, end, "", edit.side), []).append(edit)
    return places

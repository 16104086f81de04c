"""Greedy search, word by word in the order of the words' importance."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from typing import Any, Literal, get_args

import numpy as np

from xltrobust.example import Example
from xltrobust.perturb.base import Constraint, Outcome, Perturbation, Question, Search
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.goal import Goal
from xltrobust.perturb.searches.guided import (
    Best,
    allowed_edits,
    by_place,
    change_word_by_word,
    rank_by_gradient,
)

Ranking = Literal["deletion", "mask", "gradient", "random"]


class GreedySearch(Search):
    """Changes one word after another, the most important first (TextFooler's search, Jin et al., 2020).

    The importance of a word is how much the margin falls without it; one round ranks all words that can be changed.
    Then each word in turn, one round per word, is given the edit that lowers the margin most, if any does. The search
    ends with the first text that breaks the example; of several in one round, the one with the smallest edit distance.
    An edit that touches several words belongs to the first of them; one that touches none is treated as a word by
    itself.

    Ranking by deletion or mask costs one query per word, and nothing is tried if the budget ends before the ranking is
    complete. Ranking by gradient takes one forward and one backward pass, which estimate the effect of *every* edit
    (:mod:`~xltrobust.perturb.engine.first_order`): words are ranked by their best edit, and only the best
    ``candidates_per_word`` edits of each are tried. It needs a white-box victim.

    Args:
        ranking: how to rank words: by deleting each (``"deletion"``), by replacing each by ``mask_token`` (``"mask"``),
            by the gradient (``"gradient"``), or at random (``"random"``), which costs nothing and, as a control, shows
            what the other rankings are worth.
        mask_token: what the victim's tokenizer reads as an unknown or masked word.
        candidates_per_word: the most edits of one word that a sweep tries: the best by the gradient or, under the other
            rankings, a random draw; None tries all.
        exchange: where constraints allow no edit of a word beside those made so far, try its edits in place of them. In
            short texts, in which one word may change, the search otherwise stays with the first word that helped.
        sweeps: how often to go through the words. Each sweep tries edits that no earlier one tried, and an edit that is
            better takes the place of the word's edit so far. More sweeps use up a budget where words have many edits.

    Raises:
        ValueError: if ``ranking`` is unknown, ``mask_token`` empty, or ``candidates_per_word`` or ``sweeps`` not a
            positive integer.

    References:
        - Jin, Jin, Zhou & Szolovits. Is BERT really robust? A strong baseline for natural language attack on text
          classification and entailment. AAAI 2020.
        - Ebrahimi, Rao, Lowd & Dou. HotFlip: white-box adversarial examples for text classification. ACL 2018.
    """

    def __init__(
        self,
        *,
        ranking: Ranking = "deletion",
        mask_token: str = "<unk>",
        candidates_per_word: int | None = None,
        sweeps: int = 1,
        exchange: bool = False,
    ) -> None:
        if ranking not in get_args(Ranking):
            raise ValueError(f"Expected argument `ranking` to be one of {get_args(Ranking)}, but got {ranking!r}.")
        if not isinstance(mask_token, str) or not mask_token:
            raise ValueError(f"Expected argument `mask_token` to be a non-empty string, but got {mask_token!r}.")
        if candidates_per_word is not None and (
            not isinstance(candidates_per_word, int) or isinstance(candidates_per_word, bool) or candidates_per_word < 1
        ):
            raise ValueError(
                "Expected argument `candidates_per_word` to be a positive integer or None, but got "
                f"{candidates_per_word!r}."
            )
        if not isinstance(sweeps, int) or isinstance(sweeps, bool) or sweeps < 1:
            raise ValueError(f"Expected argument `sweeps` to be a positive integer, but got {sweeps!r}.")
        self.ranking = ranking
        self.mask_token = mask_token
        self.candidates_per_word = candidates_per_word
        self.sweeps = sweeps
        self.exchange = exchange

    def described(self) -> dict[str, Any]:
        """As by default, but without ``exchange`` where it is off: earlier versions did not have it."""
        told = super().described()
        return told if self.exchange else {name: value for name, value in told.items() if name != "exchange"}

    def run(
        self,
        example: Example,
        perturbation: Perturbation,
        constraints: Sequence[Constraint],
        goal: Goal,
        rng: random.Random,
    ) -> Generator[Question, np.ndarray, Outcome]:
        """Asks about the original again (which is free), for the ranking, and then about the edits of each word."""
        best = Best(example, goal)
        edits = allowed_edits(example, perturbation, constraints, rng)
        if not edits:
            return best.result()
        margin = goal.margin((yield [example]), example)[0]
        places = yield from self._ranked(example, by_place(example, edits), goal, rng)
        number = self.candidates_per_word or len(edits)
        yield from change_word_by_word(example, places, constraints, best, margin, number, self.sweeps, self.exchange)
        return best.result()

    def _ranked(
        self, example: Example, places: dict[Edit, list[Edit]], goal: Goal, rng: random.Random
    ) -> Generator[Question, np.ndarray, list[list[Edit]]]:
        """The edits of each word, the most important word first; empty if the budget does not cover the ranking."""
        if self.ranking == "gradient":
            return (yield from rank_by_gradient(example, places))
        order = list(places)
        if self.ranking == "random":
            rng.shuffle(order)
        else:
            answers = yield [self._without(example, place) for place in order]
            if len(answers) < len(order):
                return []
            order = [order[at] for at in np.argsort(goal.margin(answers, example), kind="stable")]
        found = [places[place] for place in order]
        if self.candidates_per_word is not None:
            found = [
                edits if len(edits) <= self.candidates_per_word else rng.sample(edits, len(edits)) for edits in found
            ]
        return found

    def _without(self, example: Example, place: Edit) -> Example:
        if place.start == place.end:  # between words: nothing to leave out
            return example
        if self.ranking == "mask":
            return apply_edits(example, [Edit(place.start, place.end, self.mask_token, place.side)])
        text, end = getattr(example, place.side), place.end
        # Without the white space after it too, unless that would join its neighbours.
        if text[end : end + 1].isspace() and (place.start == 0 or text[place.start - 1].isspace()):
            end += 1
        return apply_edits(example, [Edit(place.start, end, "", place.side)])

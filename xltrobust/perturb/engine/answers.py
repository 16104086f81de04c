"""Answers the questions of all searches under way: nothing is asked twice, and questions of one kind go together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar, cast

import numpy as np

from xltrobust.example import Example, language_name
from xltrobust.perturb.base import Allowed, BatchedConstraint, FirstOrder, Question, Victim, WhiteBoxVictim
from xltrobust.perturb.engine.first_order import first_order_effects
from xltrobust.perturb.engine.journal import Journal, answer_key
from xltrobust.perturb.goal import Goal

_T = TypeVar("_T")
_REMEMBERED = 100_000  # answers kept in memory; those dropped are merely asked for again
_AT_ONCE = 1024  # texts per call: enough for full batches of every length, and a kill loses little


def text_key(example: Example) -> bytes:
    """Identifies an example's texts and language, whatever its label and id."""
    return answer_key(example.language, example.text, example.text_pair)


class Answers:
    """Asks the victim, and the batched constraints, about each text once while the answer is remembered.

    Args:
        victim: see :func:`~xltrobust.perturb.attack`.
        constraints: those that judge in batches.
        goal: gives the shape of answers, and the margin that gradients are of.
        journal: remembers answers for good.
        tell: called between the calls that answer one round of questions, as a round may take minutes.
    """

    def __init__(
        self,
        victim: Victim,
        constraints: Sequence[BatchedConstraint],
        goal: Goal,
        journal: Journal | None,
        tell: Callable[[], object] = lambda: None,
    ) -> None:
        self.victim, self.constraints, self.goal, self.journal, self.tell = victim, constraints, goal, journal, tell
        self.asked = 0
        self._known: dict[bytes, np.ndarray] = {}  # as the journal has them: see _flat
        self._shape: tuple[int, ...] = (0,)

    def to(self, questions: Sequence[Question]) -> list[np.ndarray]:
        """Answers questions, in as few calls of the victim as possible.

        Returns:
            One array per question. For n texts: the victim's answers, (n, C) for a classifier. For :class:`Allowed`:
            the verdicts (n, constraints), positive if a constraint allows a text, negative if it refuses, and 0 if it
            was not asked because an earlier one refused. For :class:`FirstOrder`: the n effects.
        """
        texts = [example for question in questions if isinstance(question, list) for example in question]
        self._learn({text_key(example): example for example in texts}, self._ask)
        for at, constraint in enumerate(self.constraints):
            pairs = {
                _pair_key(constraint, question.original, perturbed): (question.original, perturbed)
                for question in questions
                if isinstance(question, Allowed)
                for perturbed in question.perturbed
                if all(self._recall(_pair_key(c, question.original, perturbed))[0] > 0 for c in self.constraints[:at])
            }
            self._learn(pairs, partial(_judge, constraint))
        gradients = [question for question in questions if isinstance(question, FirstOrder) and question.edits]
        self._learn({self._effects_key(question): question for question in gradients}, self._differentiate)
        answers = [self._answer(question) for question in questions]
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]  # the oldest
        return answers

    def _answer(self, question: Question) -> np.ndarray:
        if isinstance(question, FirstOrder):
            return self._recall(self._effects_key(question)) if question.edits else np.empty(0)
        if isinstance(question, Allowed):
            judged = [self._judged(question.original, perturbed) for perturbed in question.perturbed]
            return np.array(judged).reshape(len(judged), len(self.constraints))
        if not question:
            return np.empty((0, *self._shape))
        axes = len(self.goal.answer_shape)
        found = np.stack([_shaped(self._recall(text_key(example)), axes) for example in question])
        self._shape = found.shape[1:]  # an empty question comes after that about its original
        return found

    def _judged(self, original: Example, perturbed: Example) -> list[float]:
        found: list[float] = []
        for constraint in self.constraints:
            refused = bool(found) and found[-1] <= 0
            found.append(0.0 if refused else float(self._recall(_pair_key(constraint, original, perturbed))[0]))
        return found

    def _learn(self, things: dict[bytes, _T], ask: Callable[[list[_T]], Iterable[np.ndarray]]) -> None:
        """Asks about those whose answers are not known."""
        unknown = [key for key in things if key not in self._known and not (self.journal and key in self.journal)]
        for start in range(0, len(unknown), _AT_ONCE):
            if start:
                self.tell()
            keys = unknown[start : start + _AT_ONCE]
            answers = list(zip(keys, ask([things[key] for key in keys]), strict=True))
            self._known.update(answers)
            if self.journal is not None:
                self.journal.add(answers)

    def _recall(self, key: bytes) -> np.ndarray:
        known = self._known.get(key)
        if known is None and self.journal is not None:
            known = self.journal.get(key)
        assert known is not None, "an answer is recalled in the round in which it was learnt"
        return known

    def _ask(self, examples: list[Example]) -> Iterable[np.ndarray]:
        answer = np.asarray(self.victim(examples), dtype=float)  # as the journal has it: the same margins from both
        self.goal.check(answer, len(examples))
        for example, undefined in zip(examples, np.isnan(answer).any(axis=tuple(range(1, answer.ndim))), strict=True):
            if undefined:
                name = f"{example.id!r} ({language_name(example.language)})"
                raise ValueError(f"Expected the victim's answers to be numbers, but got NaN for example {name}.")
        self.asked += len(examples)
        return map(_flat, answer)

    def _differentiate(self, questions: list[FirstOrder]) -> list[np.ndarray]:
        if not hasattr(self.victim, "gradients"):
            name = type(self.victim).__name__
            raise ValueError(f"Expected a victim with gradients for this search, but {name} has none.")
        self.asked += len(questions)
        return first_order_effects(questions, cast(WhiteBoxVictim, self.victim), self.goal)

    def _effects_key(self, question: FirstOrder) -> bytes:
        edits = [(edit.start, edit.end, edit.replacement, edit.side) for edit in question.edits]
        return answer_key("effects", text_key(question.example), self.goal.key(question.example), edits)


def _judge(constraint: BatchedConstraint, pairs: list[tuple[Example, Example]]) -> np.ndarray:
    return np.where(constraint.judge(pairs), 1.0, -1.0)[:, None]


def _pair_key(constraint: BatchedConstraint, original: Example, perturbed: Example) -> bytes:
    return answer_key(constraint.key, text_key(original), text_key(perturbed))


def _flat(answer: np.ndarray) -> np.ndarray:
    """An answer as journals hold it, of one axis: one of several axes has its shape before its values."""
    return answer if answer.ndim == 1 else np.concatenate([answer.shape, answer.ravel()])


def _shaped(flat: np.ndarray, axes: int) -> np.ndarray:
    """The answer that :func:`_flat` was given.

    >>> _shaped(_flat(np.ones((3, 2))), axes=2).shape
    (3, 2)
    """
    return flat if axes == 1 else flat[axes:].reshape(flat[:axes].astype(int))

"""Attacks many examples at once: one call of the victim answers the questions of all searches under way."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from xltrobust.example import Example, language_name
from xltrobust.perturb.base import (
    Allowed,
    AttackResult,
    BatchedConstraint,
    Constraint,
    FirstOrder,
    Outcome,
    Perturbation,
    Question,
    Search,
    Victim,
)
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.engine.answers import Answers, text_key
from xltrobust.perturb.engine.journal import Journal
from xltrobust.perturb.goal import Goal, Misclassification
from xltrobust.seeding import derived_seed

Run = Generator[Question, np.ndarray, Outcome]


class Progress(NamedTuple):
    """How far an attack has got.

    Args:
        done: examples finished.
        total: all examples.
        right: how many of the finished ones the goal wanted attacked: they were classified correctly before.
        broken: how many of those were broken.
        asked: texts and gradients that the victim has been asked for.
    """

    done: int
    total: int
    right: int
    broken: int
    asked: int


def attack(
    examples: Sequence[Example],
    victim: Victim,
    *,
    perturbation: Perturbation,
    search: Search,
    constraints: Sequence[Constraint | BatchedConstraint] = (),
    goal: Goal | None = None,
    seed: int = 0,
    in_flight: int = 512,
    budget: int | None = None,
    journal: Journal | None = None,
    progress: Callable[[Progress], object] | None = None,
    finished: Callable[[int, AttackResult], object] | None = None,
) -> list[AttackResult]:
    """Attacks every example that the victim classifies correctly, unless the goal leaves it alone.

    Many searches run side by side; when one ends, the next example takes its place. The random choices for an example
    depend on the seed, its language, its id and the classes of perturbation and search alone. So its result does not
    depend on the order of the examples, on the other examples, or on ``in_flight``.

    With a budget, a question is answered up to the first text that would exceed it. An answer shorter than its question
    tells a search that its budget is used up, and the search ends with the best text found so far. The budget changes
    nothing before that point, so one attack also tells which examples any smaller budget would have broken
    (``broken_at`` of the results).

    Args:
        examples: what to attack, in any languages.
        victim: answers N examples with logits or probabilities, (N, C) for goals about classes; it cuts large questions
            into batches itself. Searches that ask for gradients need a :class:`~xltrobust.perturb.base.WhiteBoxVictim`.
        perturbation: proposes edits.
        search: chooses among them.
        constraints: refuse sets of edits.
        goal: which answers break an example; None is :class:`~xltrobust.perturb.goal.Misclassification`.
        seed: for all random choices.
        in_flight: how many examples are attacked at a time. A call of the victim has about this many times the texts
            that a search asks about in one round.
        budget: the most forward and backward passes for one example, counted as ``queries`` and ``backwards`` are: the
            original costs one, a gradient two, and a text that was asked about before nothing. None sets no limit.
        journal: answers on disk. What it holds is not asked again, and new answers are added. None keeps none.
        progress: called after every call of the victim.
        finished: called with an example's index and result when it has finished.

    Returns:
        One result per example, in the order of the examples. An example that is not attacked costs one query and has no
        adversarial text. ``queries`` counts the distinct texts that an example needed answers to, including those
        already known from another example or the journal.

    Raises:
        UserError: if the perturbation cannot change a language.
        ValueError: if ``in_flight`` or ``budget`` is not positive, the victim's answers have the wrong shape or contain
            NaN, the goal's target is no class of the victim, or the search needs gradients that the victim lacks.
    """
    if in_flight < 1:
        raise ValueError(f"Expected argument `in_flight` to be positive, but got {in_flight}.")
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 1):
        raise ValueError(f"Expected argument `budget` to be a positive integer or None, but got {budget!r}.")
    for language in dict.fromkeys(example.language for example in examples):
        perturbation.require(language)
    results: list[AttackResult | None] = [None] * len(examples)
    waiting = iter(enumerate(examples))
    flying: list[_Flight] = []
    done = right = broken = 0

    def tell() -> None:
        if progress is not None:
            progress(Progress(done, len(examples), right, broken, answers.asked))

    goal = Misclassification() if goal is None else goal
    answers = Answers(victim, [c for c in constraints if isinstance(c, BatchedConstraint)], goal, journal, tell)
    while True:
        while len(flying) < in_flight and (following := next(waiting, None)) is not None:
            index, example = following
            names = type(perturbation).__name__, type(search).__name__
            rng = random.Random(derived_seed(seed, language_name(example.language), example.id, *names))
            counters = [_Counter(c) if isinstance(c, Constraint) else None for c in constraints]
            run = _attack_one(example, perturbation, search, [c for c in counters if c is not None], goal, rng)
            flying.append(_Flight(index, example, run, goal, budget, counters))
        if not flying:
            return results  # type: ignore[return-value]  # every one has been filled in
        for flight, answer in zip(flying, answers.to([flight.question for flight in flying]), strict=True):
            if (result := flight.advance(answer)) is not None:
                results[flight.index] = result
                broken += result.broken and flight.attacked
                right += flight.attacked
                done += 1
                if finished is not None:
                    finished(flight.index, result)
        flying = [flight for flight in flying if results[flight.index] is None]
        tell()


def _attack_one(
    example: Example,
    perturbation: Perturbation,
    search: Search,
    constraints: Sequence[Constraint],
    goal: Goal,
    rng: random.Random,
) -> Run:
    """Asks about the original first, and runs the search only if the goal wants the example attacked."""
    if not goal.to_attack((yield [example]), example)[0]:
        return None
    return (yield from search.run(example, perturbation, constraints, goal, rng))


class _Counter(Constraint):
    """A constraint that counts what it refuses of one example."""

    def __init__(self, constraint: Constraint) -> None:
        self.constraint, self.refused = constraint, 0

    def allows(self, example: Example, edits: Sequence[Edit]) -> bool:
        allowed = self.constraint.allows(example, edits)
        self.refused += not allowed
        return allowed


@dataclass(slots=True)
class _Flight:
    """One example under attack; ``counters`` holds None for batched constraints."""

    index: int
    example: Example
    run: Run
    goal: Goal
    budget: int | None
    counters: list[_Counter | None]
    question: Question = field(default_factory=list)
    cost: int = 0
    backwards: int = 0
    spent: list[int] = field(default_factory=list)  # the cost up to and including each text of the question
    needed: set[bytes] = field(default_factory=set)
    broken_at: int | None = None
    original: np.ndarray | None = None  # the victim's answer to it
    attacked: bool = False
    batched: bool = False
    refused: list[int] = field(default_factory=list)  # by the batched constraints

    def __post_init__(self) -> None:
        self.batched = None in self.counters
        self._take_up(next(self.run))

    def advance(self, answer: np.ndarray) -> AttackResult | None:
        """Passes the answer to the pending question on to the search; returns the result if the search ends with it."""
        if isinstance(self.question, list):
            if self.original is None:  # the first question
                self.original = answer[0]
                self.attacked = bool(self.goal.to_attack(answer, self.example)[0])
            broken = self.goal.broken(answer, self.example).tolist()
            self.broken_at = min((cost for cost, hit in zip(self.spent, broken, strict=True) if hit), default=None)
        elif isinstance(self.question, Allowed):
            counts = (answer < 0).sum(axis=0).tolist()
            self.refused = [a + b for a, b in zip(self.refused or [0] * len(counts), counts, strict=True)]
            answer = np.all(answer > 0, axis=1)
        try:
            self._take_up(self.run.send(answer))
        except StopIteration as stop:
            adversarial, final = stop.value or (None, self.original)
            assert final is not None, "the original is the first question, and within any budget"
            broken = bool(self.goal.broken(final[None], self.example)[0])
            return AttackResult(
                self.example,
                adversarial,
                self.goal.prediction(final),
                queries=self.cost - self.backwards,
                backwards=self.backwards,
                broken=broken,
                broken_at=self.broken_at if adversarial is not None and broken else None,
                refused=self._refused(),
            )
        return None

    def _refused(self) -> tuple[int, ...]:
        batched = iter(self.refused)
        return tuple(next(batched, 0) if counter is None else counter.refused for counter in self.counters)

    def _take_up(self, question: Question) -> None:
        """Makes a question the pending one, cut off where the budget ends."""
        while isinstance(question, Allowed) and not self.batched:
            question = self.run.send(np.ones(len(question.perturbed), bool))
        left = np.inf if self.budget is None else self.budget - self.cost
        self.question = question
        if isinstance(question, FirstOrder):
            if left < 2:
                self.question = FirstOrder(question.example, [])
            elif question.edits:
                self.cost, self.backwards = self.cost + 2, self.backwards + 1
        elif isinstance(question, list):
            self.question, self.spent = [], []
            for example in question:
                if (key := text_key(example)) not in self.needed:
                    if self.cost == self.budget:
                        break
                    self.cost += 1
                    self.needed.add(key)
                self.question.append(example)
                self.spent.append(self.cost)

"""The attack on many examples at once: one call of the victim answers the questions of all searches in flight."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from xltrobust.example import Example, Language, language_name
from xltrobust.perturb.base import AttackResult, Constraint, Perturbation, Search, Victim
from xltrobust.perturb.constraints import CountingConstraint
from xltrobust.seeding import derived_seed

Key = tuple[Language, str, str | None]
Run = Generator[list[Example], np.ndarray, tuple[Example | None, int]]

_REMEMBERED = 100_000  # answers kept at a time: bounds memory, and forgotten ones are merely asked for again


def attack(
    examples: Sequence[Example],
    victim: Victim,
    *,
    perturbation: Perturbation,
    search: Search,
    constraints: Sequence[Constraint] = (),
    seed: int = 0,
    in_flight: int = 512,
    budget: int | None = None,
    progress: Callable[[int, int, int], object] | None = None,
) -> list[AttackResult]:
    """Attack every example that the victim classifies correctly.

    Many searches run side by side, and whenever one ends the next example takes its place. An example's randomness is
    a function of the seed, its language and its id, and of the kinds of perturbation and search: its result does not
    depend on the order of the examples, on which others there are, or on ``in_flight``.

    With a budget, a question is answered from its start, up to the first text that goes beyond it. So an answer
    shorter than the question tells a search that its budget is used up: it ends with the best that it has found. The
    budget changes nothing before that point, so one attack tells what any smaller budget would have broken.

    Args:
        examples: what to attack, of any languages.
        victim: answers N examples with (N, C) logits or probabilities; it cuts large questions into batches itself.
        perturbation: proposes edits.
        search: chooses among them.
        constraints: refuse some of them.
        seed: of all random choices.
        in_flight: how many examples are searched at a time; a question has about this many times the texts that the
            search asks in a round.
        budget: the most texts that the victim is asked about for one example, counted as ``queries`` are: the
            original is one, and a text that comes again is free. None sets no limit.
        progress: called after every answer with the number of examples done, the number there are, and the number of
            texts that the victim was asked about so far.

    Returns:
        One result an example, in their order. An example misclassified to begin with costs one query and has no
        adversarial text. ``queries`` counts the distinct texts of an example that were needed, also those whose
        answer was known from another example.

    Raises:
        ValueError: if ``in_flight`` or ``budget`` is not positive, or the victim's answer has the wrong shape or
            is not a number.
    """
    if in_flight < 1:
        raise ValueError(f"Expected argument `in_flight` to be positive, but got {in_flight}.")
    if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 1):
        raise ValueError(f"Expected argument `budget` to be a positive integer or None, but got {budget!r}.")
    for constraint in constraints:
        if isinstance(constraint, CountingConstraint):
            constraint.refused = 0
    results: list[AttackResult | None] = [None] * len(examples)
    memory = _Memory(victim)
    waiting = iter(enumerate(examples))
    flying: list[_Flight] = []
    done = 0
    while True:
        while len(flying) < in_flight and (following := next(waiting, None)) is not None:
            index, example = following
            names = type(perturbation).__name__, type(search).__name__
            rng = random.Random(derived_seed(seed, language_name(example.language), example.id, *names))
            run = _attack_one(example, perturbation, search, constraints, rng)
            flying.append(_Flight(index, example, run, budget))
        if not flying:
            return results  # type: ignore[return-value]  # every one has been filled in
        answers = memory.answer([flight.question for flight in flying])
        for flight, answer in zip(flying, answers, strict=True):
            if (result := flight.advance(answer)) is not None:
                results[flight.index] = result
                done += 1
        flying = [flight for flight in flying if results[flight.index] is None]
        if progress is not None:
            progress(done, len(examples), memory.asked)


def _attack_one(
    example: Example,
    perturbation: Perturbation,
    search: Search,
    constraints: Sequence[Constraint],
    rng: random.Random,
) -> Run:
    """The original is the first question; only if it is answered correctly does the search begin."""
    prediction = int((yield [example])[0].argmax())
    if prediction != example.label:
        return None, prediction
    return (yield from search.run(example, perturbation, constraints, rng))


@dataclass(slots=True)
class _Flight:
    """One example under attack."""

    index: int
    example: Example
    run: Run
    budget: int | None
    question: list[Example] = field(default_factory=list)
    needed: set[Key] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._take_up(next(self.run))

    def advance(self, answer: np.ndarray) -> AttackResult | None:
        """Pass on the answer to the pending question; the result, if the search ends with it."""
        try:
            self._take_up(self.run.send(answer))
        except StopIteration as stop:
            adversarial, prediction = stop.value
            return AttackResult(self.example, adversarial, prediction, len(self.needed))
        return None

    def _take_up(self, question: list[Example]) -> None:
        """Make a question the pending one, as far as the budget goes."""
        self.question = []
        for example in question:
            key = _key(example)
            if key not in self.needed and len(self.needed) == self.budget:
                break
            self.needed.add(key)
            self.question.append(example)


class _Memory:
    """Asks the victim about each text once, as long as it is remembered."""

    def __init__(self, victim: Victim) -> None:
        self.victim = victim
        self.asked = 0
        self._known: dict[Key, np.ndarray] = {}
        self._classes = 0

    def answer(self, questions: Sequence[list[Example]]) -> list[np.ndarray]:
        """One array (n, C) a question of n examples, all from at most one call of the victim."""
        unknown = {_key(example): example for question in questions for example in question}
        unknown = {key: example for key, example in unknown.items() if key not in self._known}
        if unknown:
            self._known.update(zip(unknown, self._ask(list(unknown.values())), strict=True))
        empty = np.empty((0, self._classes))
        answers = [np.stack([self._known[_key(e)] for e in question]) if question else empty for question in questions]
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]  # the oldest
        return answers

    def _ask(self, examples: list[Example]) -> np.ndarray:
        answer = np.asarray(self.victim(examples))
        if answer.ndim != 2 or len(answer) != len(examples):
            raise ValueError(
                f"Expected the victim's answer to have shape ({len(examples)}, classes), but got {answer.shape}."
            )
        for example, row in zip(examples, np.isnan(answer).any(axis=1), strict=True):
            if row:
                name = f"{example.id!r} ({language_name(example.language)})"
                raise ValueError(f"Expected the victim's answers to be numbers, but got NaN for example {name}.")
        self.asked += len(examples)
        self._classes = answer.shape[1]
        return answer


def _key(example: Example) -> Key:
    return example.language, example.text, example.text_pair

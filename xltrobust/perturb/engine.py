"""The attack on many examples at once: one call of the victim answers the questions of all searches in flight."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from xltrobust.example import Example, Language, language_name
from xltrobust.perturb.base import AttackResult, Constraint, Perturbation, Search, Victim
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
    progress: Callable[[int, int, int], object] | None = None,
) -> list[AttackResult]:
    """Attack every example that the victim classifies correctly.

    Many searches run side by side, and whenever one ends the next example takes its place. An example's randomness is
    a function of the seed, its language and its id, and of the kinds of perturbation and search: its result does not
    depend on the order of the examples, on which others there are, or on ``in_flight``.

    Args:
        examples: what to attack, of any languages.
        victim: answers N examples with (N, C) logits or probabilities; it cuts large questions into batches itself.
        perturbation: proposes edits.
        search: chooses among them.
        constraints: refuse some of them.
        seed: of all random choices.
        in_flight: how many examples are searched at a time; a question has about this many times the texts that the
            search asks in a round.
        progress: called after every answer with the number of examples done, the number there are, and the number of
            texts that the victim was asked about so far.

    Returns:
        One result an example, in their order. An example misclassified to begin with costs one query and has no
        adversarial text. ``queries`` counts the distinct texts of an example that were needed, also those whose
        answer was known from another example.

    Raises:
        ValueError: if ``in_flight`` is not positive, or the victim's answer has the wrong shape or is not a number.
    """
    if in_flight < 1:
        raise ValueError(f"Expected argument `in_flight` to be positive, but got {in_flight}.")
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
            flying.append(_Flight(index, example, run, question=next(run)))
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
    question: list[Example]
    needed: set[Key] = field(default_factory=set)

    def advance(self, answer: np.ndarray) -> AttackResult | None:
        """Pass on the answer to the pending question; the result, if the search ends with it."""
        self.needed.update(map(_key, self.question))
        try:
            self.question = self.run.send(answer)
        except StopIteration as stop:
            adversarial, prediction = stop.value
            return AttackResult(self.example, adversarial, prediction, len(self.needed))
        return None


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

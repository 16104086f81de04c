"""How far an attack has got, and what is known of the accuracy under it by then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from xltrobust.example import EvaluationSet
from xltrobust.perturb.base import AttackResult


class AttackProgress:
    """Counts the examples that an attack has finished, set by set.

    While an attack is under way, accuracy among the finished examples says little: those that the model got wrong
    finish first, and those that withstand the attack last. What is certain are bounds: however the others end, accuracy
    on all examples lies between the share that has finished right, and 1 minus the share that has finished wrong.

    Args:
        sets: the data.
        share: the examples attacked, each by the index of its set and its index in the set.
    """

    def __init__(self, sets: Sequence[EvaluationSet], share: Sequence[tuple[int, int]]) -> None:
        self._sets, self._places = sets, [at for at, _ in share]
        self._total = Counter(self._places)
        self._right: Counter[int] = Counter()
        self._wrong: Counter[int] = Counter()
        self._finished = [False] * len(share)
        self._first = 0  # of those that have not finished

    def add(self, place: int, result: AttackResult) -> None:
        """An example has finished.

        Args:
            place: the example's, in the share.
            result: of the attack on it.
        """
        right = result.prediction == result.example.label
        (self._right if right else self._wrong)[self._places[place]] += 1
        self._finished[place] = True

    @property
    def _now(self) -> int | None:
        """The set of the first example that has not finished; None if all have."""
        while self._first < len(self._finished) and self._finished[self._first]:
            self._first += 1
        return self._places[self._first] if self._first < len(self._places) else None

    @property
    def language(self) -> str:
        """The name of the set that is being attacked; empty when the attack is over."""
        return "" if (now := self._now) is None else self._sets[now].name

    def bounds(self) -> tuple[float, float]:
        """Between what accuracy on the set that is being attacked will lie; 0 and 1 when the attack is over."""
        if (now := self._now) is None:
            return 0.0, 1.0
        return self._right[now] / self._total[now], 1 - self._wrong[now] / self._total[now]

    def summary(self) -> str:
        """Accuracy on every set of which all examples have finished."""
        over = [at for at, total in self._total.items() if self._right[at] + self._wrong[at] == total]
        figures = (f"{self._sets[at].name} {self._right[at] / self._total[at]:.1%}" for at in over)
        return f"accuracy {', '.join(figures)}" if over else ""

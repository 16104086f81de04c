"""Tables as data: a title, a header, and rows of text and estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xltrobust.metrics.bootstrap import Interval


@dataclass(frozen=True)
class Estimate:
    """A cell: an estimate and its interval, shown in percent.

    Args:
        interval: the estimate with its interval, as fractions of 1.
        signed: whether it is a difference, which is marked if its interval excludes 0.
        clean: of an accuracy under attack, the clean accuracy on the same examples.
    """

    interval: Interval
    signed: bool = False
    clean: float | None = None

    @property
    def value(self) -> str:
        value = percent(self.interval.value, self.signed)
        return value if self.clean is None else f"{percent(self.clean)} → {value}"

    def detail(self, compact: bool = False) -> str:
        """The interval, in whole percents if ``compact``."""
        low, high = self.interval.low, self.interval.high
        if compact and not self.signed:
            return f"[{100 * low:.0f}, {100 * high:.0f}]".replace("-", "−")
        return f"[{percent(low, self.signed)}, {percent(high, self.signed)}]"

    @property
    def marked(self) -> bool:
        return self.signed and self.interval.excludes_zero


Cell = Estimate | str


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        title: an empty one is not shown.
        columns: (name, a second line such as "n = 200").
        rows: cells, one for each column.
        summary: rows below a line: averages.
    """

    title: str
    columns: list[tuple[str, str]]
    rows: list[list[Cell]]
    summary: list[list[Cell]] = field(default_factory=list)


def percent(value: float, signed: bool = False) -> str:
    """A fraction of 1 in percent, with one decimal; without a sign if it rounds to zero.

    >>> percent(0.5), percent(-0.021, signed=True), percent(-0.0001, signed=True), percent(0.02, signed=True)
    ('50.0', '−2.1', '0.0', '+2.0')
    """
    text = f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
    if float(text) == 0:
        return "0.0"
    return text.replace("-", "−")


def count_range(counts: Sequence[int]) -> str:
    """
    >>> count_range([2000, 2000]), count_range([150, 200])
    ('n = 2,000', 'n = 150–200')
    """
    low, high = min(counts), max(counts)
    return f"n = {low:,}" if low == high else f"n = {low:,}–{high:,}"

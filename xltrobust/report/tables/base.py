"""What a table is: a title, a header, and rows of text and estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xltrobust.metrics.bootstrap import Interval


@dataclass(frozen=True)
class Estimate:
    """A cell: an estimate and its interval, in percent.

    Args:
        interval: of the estimate.
        signed: for differences, which are marked if they are not zero.
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
    """Columns are (name, a second line such as "n = 200"); ``summary`` are the rows below the line: averages."""

    title: str
    columns: list[tuple[str, str]]
    rows: list[list[Cell]]
    summary: list[list[Cell]] = field(default_factory=list)


def percent(value: float, signed: bool = False) -> str:
    """A share in percent, to one decimal; no sign on what rounds to zero.

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

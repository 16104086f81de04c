"""The colors of charts, on a page and in a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """The colors that charts draw with: in a page those of its style sheet, so that it can be light or dark.

    Args:
        text, line, main, second: of texts, helping lines and the two kinds of marks.
        scale: from low to high.
        on_scale: of text on each of these.
        many: of lines that are told apart.
        paper: the background.
    """

    text: str
    line: str
    main: str
    second: str
    scale: tuple[str, ...]
    on_scale: tuple[str, ...]
    many: tuple[str, ...]
    paper: str = "transparent"


# Okabe & Ito's colors, which readers who see few colors tell apart; viridis for the scale.
_MANY = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f")
_SCALE = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725")
_ON_SCALE = ("#fff",) * 4 + ("#000",) * 4
IN_PAGE = Palette(
    "var(--text)", "var(--line)", "var(--main)", "var(--second)", _SCALE, _ON_SCALE,
    tuple(f"var(--series-{at})" for at in range(len(_MANY))),
)  # fmt: skip
ON_PAPER = Palette("#1b1b1b", "#d0d0d0", "#0b57a4", "#8a5a00", _SCALE, _ON_SCALE, _MANY, "#fff")

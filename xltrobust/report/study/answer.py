"""The answer of a study in words, filled from its contrasts."""

from __future__ import annotations

from collections.abc import Sequence

from xltrobust.report.study.load import StudyReport
from xltrobust.report.tables.base import percent
from xltrobust.statistics.contrasts import Contrast
from xltrobust.statistics.examples import CLEAN, WORST

_SIDES = {"mechanism": ("augmentation", "representation"), "granularity": ("words", "sentences")}


def told(contrast: Contrast) -> str:
    """What is subtracted from what.

    A main effect that is over one level of the other factor, as a cell is missing, says which in brackets.
    """
    factor, _, rest = contrast.name.partition(" (")
    if factor in _SIDES:
        return " − ".join(_SIDES[factor]) + (f" ({rest}" if rest else "")
    if contrast.name == "interaction":
        return "interaction: (augmentation − representation) of words − the same of sentences"
    return contrast.name.replace(" - ", " − ")


def under(condition: str) -> str:
    """A condition in a sentence."""
    return {CLEAN: "On clean texts", WORST: "Under the worst of all attacks"}.get(condition, f"Under {condition}")


def difference(contrast: Contrast) -> str:
    """The estimate in points with its interval."""
    own = contrast.interval
    low, high = percent(own.low, signed=True), percent(own.high, signed=True)
    return f"{percent(own.value, signed=True)} [{low}, {high}]"


def answer(report: StudyReport) -> list[str]:
    """Sentences that answer the question, a paragraph for each condition; what could not be found is said, too."""
    contrasts, problems = report.contrasts
    found = []
    for condition in dict.fromkeys(contrast.condition for contrast in contrasts):
        own = [contrast for contrast in contrasts if contrast.condition == condition]
        found.append(" ".join([f"{under(condition)}:", *map(_sentence, own)]))
    return found + [f"No contrast {problem}" for problem in problems]


def limits(report: StudyReport) -> str:
    """What the answer holds for."""
    seeds = sorted({len(runs) for runs in report.runs.values()})
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    source, targets = report.examples.source, report.examples.targets
    parts = [
        f"Differences are points of accuracy, averaged with equal weight over {len(targets)} target languages of a "
        f"model trained on {source}, from {many} runs a cell. Intervals (95 %) are over other seeds and other test "
        "items, for these very languages.",
    ]
    contrasts = report.contrasts[0]
    if contrasts:
        parts.append(f"p values are corrected for {contrasts[0].family} contrasts a condition (Holm).")
    if report.plan.factorial and not report.plan.best:
        parts.append("Which cell is the best is not said, so it is not compared with the baseline.")
    if not report.plan.factorial:
        parts.append("The study's file does not say which contrasts it was made for: all of this is exploratory.")
    if report.unfinished:
        parts.append(f"{report.unfinished} runs of the study are not finished, and left out.")
    return " ".join(parts)


def _sentence(contrast: Contrast) -> str:
    figure = f"{difference(contrast)} points, p {_relation(contrast.adjusted)}"
    if contrast.star:
        first, second = _named(contrast)
        ahead, behind = (first, second) if contrast.value > 0 else (second, first)
        if contrast.name == "interaction":
            return f"The two factors interact ({figure})."
        return f"{_capital(ahead)} did better than {behind} ({told(contrast)}: {figure})."
    return (
        f"For {told(contrast)} no difference was found ({figure}); one of {percent(contrast.detectable)} points would "
        "have been found four times in five."
    )


def _named(contrast: Contrast) -> tuple[str, str]:
    factor = contrast.name.partition(" (")[0]
    if factor in _SIDES:
        return _SIDES[factor]
    first: Sequence[str] = [cell for cell, weight in contrast.weights.items() if weight > 0]
    second: Sequence[str] = [cell for cell, weight in contrast.weights.items() if weight < 0]
    return " and ".join(first), " and ".join(second)


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:] if name in {each for sides in _SIDES.values() for each in sides} else name


def _relation(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p_value(p)}"


def p_value(p: float) -> str:
    """
    >>> p_value(0.0312), p_value(0.00002)
    ('0.031', '<0.001')
    """
    return "<0.001" if p < 0.001 else f"{p:.3f}"

"""What stands in the report of a study, in which order: the only place that says so."""

from __future__ import annotations

from collections.abc import Iterator

from xltrobust.report.blocks import Block, Document, Heading, Prose
from xltrobust.report.study.answer import answer, limits
from xltrobust.report.study.arms import arms_table
from xltrobust.report.study.costs import alignment, costs
from xltrobust.report.study.effects import effects
from xltrobust.report.study.languages import heat_maps, worst_languages
from xltrobust.report.study.load import StudyReport
from xltrobust.report.study.predictions import budgets, examples, read_predictions
from xltrobust.report.study.reproduction import reproduction


def study_contents(report: StudyReport) -> Iterator[tuple[int, Block]]:
    """The blocks of a report in order, each with the level of its heading."""
    yield 1, Heading(report.name)
    yield 2, Heading("The question")
    asked = report.plan.question
    yield 2, Prose("", asked) if asked else Prose("The study's file names none (`report: {question: …}`).")
    yield 2, Heading("The answer")
    for paragraph in answer(report):
        yield 2, Prose("", paragraph)
    yield 2, Prose("", limits(report))
    yield 2, Heading("The primary contrasts" if report.plan.factorial else "Each cell against the baseline")
    for block in effects(report):
        yield 3, block
    yield 2, Heading("The arms")
    yield 3, arms_table(report)
    predictions = read_predictions(report)
    for title, section in (
        ("Languages, arms, conditions", heat_maps(report)),
        ("Worst languages", worst_languages(report)),
        ("Accuracy against budget", budgets(predictions)),
        ("Cost against gain", costs(report)),
        ("Alignment against robustness", alignment(report)),
        ("Attacked examples", examples(predictions)),
    ):
        if found := list(section):
            yield 2, Heading(title)
            yield from ((3, block) for block in found)
    yield 2, Heading("Departures from the design")
    yield 3, Document(report.departures) if report.departures.strip() else Prose("None is recorded in `departures.md`.")
    yield 2, Heading("How to reproduce every number")
    for block in reproduction(report):
        yield 3, block

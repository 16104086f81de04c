"""What stands in a report, in which order: the only place that says so.

Markdown and terminal walk :data:`REPORT` and, for every run, :data:`EACH_RUN`; ``report.seeds`` walks :data:`METHODS`.
A new table is a function in :mod:`xltrobust.report.tables` and a :class:`Section` here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, ParamSpec

from xltrobust.report.about import about
from xltrobust.report.attacked_page import has_attacked_texts, write_attacked_page
from xltrobust.report.blocks import Block, Examples, Heading, Notes, Page, Picture
from xltrobust.report.budget_curve import draw_curves, has_curves
from xltrobust.report.examples import attacked_examples
from xltrobust.report.explanations import accuracies_explained, costs_explained, in_short, methods_explained
from xltrobust.report.heatmap import draw_heatmap
from xltrobust.report.notes import comparison_notes, refusals_of_runs, report_notes, summary_notes
from xltrobust.report.over_seeds import MethodComparison
from xltrobust.report.summary import Report, Summary
from xltrobust.report.tables.accuracy import accuracy_tables, run_table
from xltrobust.report.tables.alignment import alignment_by_method, alignment_tables
from xltrobust.report.tables.costs import cost_tables, language_costs, refusal_lines, run_cost_tables, side_costs
from xltrobust.report.tables.methods import condition_tables, every_run, interval_tables, methods_overview
from xltrobust.report.tables.validity import reader_lines, validity_tables

P = ParamSpec("P")
Place = Literal["markdown", "terminal"]


@dataclass(frozen=True)
class Section(Generic[P]):
    """A part of a report.

    Args:
        build: makes its tables and texts; none where the runs have nothing of the kind.
        level: of its headings in Markdown.
        only: where it is shown; None shows it everywhere.
    """

    build: Callable[P, Iterable[Block]]
    level: int = 2
    only: Place | None = None


def _title(report: Report) -> list[Block]:
    return [Heading(report.summaries[0].run.name if report.single else f"{len(report.summaries)} runs")]


def _heatmap(report: Report) -> list[Block]:
    return [Picture("Accuracy by language and condition", "heatmap.png", draw_heatmap)]


def _budget_curve(report: Report) -> list[Block]:
    return [Picture("Accuracy under attack by budget", "budget.png", draw_curves)] if has_curves(report) else []


def _attacked_page(report: Report) -> list[Block]:
    page = Page("All attacked texts, to be filtered and searched", "attacked.html", write_attacked_page)
    return [page] if has_attacked_texts(report) else []


def _about_the_run(report: Report) -> list[Block]:
    return about(report.summaries[0]) if report.single else []


def _run_table(report: Report, summary: Summary) -> list[Block]:
    if report.single:
        return []
    table = run_table(summary, report.languages)
    return [Heading(table.title), *about(summary), replace(table, title="")]


def _run_costs(report: Report, summary: Summary) -> Sequence[Block]:
    return [] if report.single else run_cost_tables(summary)


def _refusals(report: Report, summary: Summary) -> list[Block]:
    lines = refusal_lines(summary)
    return [Notes([("", line) for line in lines])] if lines else []


def _readers(report: Report) -> list[Block]:
    lines = reader_lines(report)
    return [Notes(lines)] if lines else []


def _notes(report: Report, summary: Summary) -> list[Block]:
    notes = summary_notes(summary)
    return [Heading("Notes"), Notes([("", note) for note in notes])] if notes else []


def _examples(report: Report, summary: Summary) -> list[Block]:
    examples = attacked_examples(summary)
    return [Heading("Attacked examples"), Examples(examples)] if examples else []


REPORT: tuple[Section[[Report]], ...] = (
    Section(_title, level=1, only="markdown"),
    Section(_heatmap, only="markdown"),
    Section(_about_the_run, only="markdown"),
    Section(accuracy_tables),
    Section(alignment_tables),
    Section(accuracies_explained, only="markdown"),
    Section(comparison_notes, only="markdown"),
    Section(cost_tables),
    Section(_budget_curve, only="markdown"),
    Section(validity_tables),
    Section(_readers),
    Section(costs_explained, only="markdown"),
    Section(_attacked_page, only="markdown"),
    Section(in_short, only="terminal"),
    Section(refusals_of_runs, only="terminal"),
    Section(report_notes, only="terminal"),
)

# After the above, of each run in turn.
EACH_RUN: tuple[Section[[Report, Summary]], ...] = (
    Section(_run_table, only="markdown"),
    Section(_run_costs, level=3, only="markdown"),
    Section(_refusals, only="markdown"),
    Section(language_costs, level=3, only="markdown"),
    Section(side_costs, level=3, only="markdown"),
    Section(_notes, level=3, only="markdown"),
    Section(_examples, level=3, only="markdown"),
)

METHODS: tuple[Section[[MethodComparison]], ...] = (
    Section(methods_overview),
    Section(condition_tables),
    Section(alignment_by_method),
    Section(interval_tables),
    Section(every_run),
    Section(methods_explained),
)


def contents(report: Report, place: Place) -> Iterator[tuple[int, Block]]:
    """The blocks of a report in order, each with the level of its heading."""
    yield from _walk(REPORT, place, report)
    for summary in report.summaries:
        yield from _walk(EACH_RUN, place, report, summary)


def method_contents(comparison: MethodComparison) -> Iterator[tuple[int, Block]]:
    """The blocks of a comparison of methods, in the same way."""
    return _walk(METHODS, "markdown", comparison)


def _walk(
    sections: Iterable[Section[P]], place: Place, *args: P.args, **kwargs: P.kwargs
) -> Iterator[tuple[int, Block]]:
    for section in sections:
        if section.only in (None, place):
            yield from ((section.level, block) for block in section.build(*args, **kwargs))

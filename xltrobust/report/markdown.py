"""Writes a report as GitHub-flavoured Markdown. Every text from outside is escaped."""

from __future__ import annotations

import html
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from xltrobust.report.examples import AttackedExample, attacked_examples, changes
from xltrobust.report.notes import contrasts, summary_notes
from xltrobust.report.summary import Report, Summary
from xltrobust.report.tables.accuracy import run_table, tables
from xltrobust.report.tables.base import Cell, Table, percent
from xltrobust.report.tables.costs import cost_tables, language_costs, refusal_lines, run_cost_tables, side_costs
from xltrobust.report.visible import visible

_METHOD = """Accuracies are in percent, with 95 % confidence intervals from a percentile bootstrap (Efron & Tibshirani
1993) of 2,000 replicates that resamples groups, not examples: sentences of one template, or translations of one item,
rise and fall together (Field & Welsh 2007). Intervals of averages and differences resample the same groups in all
languages and both runs; they speak of other test examples, not of other training seeds. Where all groups of a
language are right, or all wrong, the interval is Wilson's on the number of groups. `avg (targets)` leaves the source
language out. Attacks may cover a part of the examples (n) and of the languages: left of the arrow is clean accuracy on
the examples that were attacked, right of it accuracy under the attack, and averages of both are over the languages that
the attack covers. `worst` is right under every attack; it is counted over the examples that all attacks were tried on,
and on average only where all attacks cover the same languages. `majority` is the accuracy of always giving the most
frequent label; F1 is macro-averaged over labels."""
_COSTS = """What attacks cost is given as avg / source: `avg` is the mean of those target languages that have a value;
`attacked` are the examples that were right before the attack, of all targets together. Success is the share of them
that it broke. Queries (forward passes, the original included) and backwards (backward passes) are means over the
attacked examples. How far the broken texts are from the originals is a mean over the broken examples: words and
characters changed in percent of the original's, similarity as the cosine by the encoder before fine-tuning."""
_CURVE = """ The picture shows which accuracy would be left had the attack been given fewer passes (forward and
backward, the original included); a line ends at the most that the attack spent on any example. In brackets: of how many
target languages the average is, where the attack does not cover all."""
_MARKED = """ Tables of several runs are on the examples, and averages over the languages, that all of them have.
`*`: the interval of the difference excludes 0. """


def escape(text: object) -> str:
    """Text as it is, in a Markdown paragraph or table cell: no markup, no HTML, no end of the cell.

    >>> escape("<b> a|b *c*")
    '&lt;b&gt; a&#124;b &#42;c&#42;'
    """
    escaped = html.escape(visible(str(text)))
    return "".join(f"&#{ord(c)};" if c in "|`*_[]{}\\~$!" else c for c in escaped)


def to_markdown(report: Report, heatmap: str, curve: str | None = None) -> str:
    """The whole report.

    Args:
        report: what to write.
        heatmap: the picture's file name, beside the report.
        curve: the file name of the picture of accuracies by budget, if there is one.
    """
    single = len(report.summaries) == 1
    names = [summary.run.name for summary in report.summaries]
    title = names[0] if single else f"{len(names)} runs"
    parts = [f"# {escape(title)}", f"![Accuracy by language and condition]({heatmap})"]
    if single:
        parts.append(_about(report.summaries[0]))
    parts += _titled(tables(report), "##")
    marked = _MARKED + escape(contrasts(f"run, {names[0]}", len(report.comparisons) > 1))
    parts.append(_METHOD + ("" if single else marked))
    if notes := [f"- {escape(own.name)}: {escape(note)}" for own in report.comparisons for note in own.notes]:
        parts += ["\n".join(notes)]
    parts += _costs(report, curve)
    for summary in report.summaries:
        if not single:
            table = run_table(summary, report.languages)
            parts += [f"## {escape(table.title)}", _about(summary), table_to_markdown(table)]
            parts += _titled(run_cost_tables(summary))
        parts += _cost_details(summary, report.languages)
        if notes := summary_notes(summary):
            parts += ["### Notes", "\n".join(f"- {escape(note)}" for note in notes)]
        if found := attacked_examples(summary):
            parts += ["### Attacked examples", _examples(found)]
    return "\n\n".join(parts) + "\n"


def _costs(report: Report, curve: str | None) -> list[str]:
    if not any(summary.costs for summary in report.summaries):
        return []
    parts = _titled(cost_tables(report), "##")
    if not curve:
        return [*parts, _COSTS]
    return [*parts, f"![Accuracy under attack by budget]({curve})", _COSTS + _CURVE]


def _cost_details(summary: Summary, languages: Sequence[str]) -> list[str]:
    """Refusals, and what the attacks cost by language and side."""
    if not summary.costs:
        return []
    parts = ["\n".join(f"- {escape(line)}" for line in refusal_lines(summary))]
    parts += _titled([table for table in (language_costs(summary, languages), side_costs(summary)) if table])
    return [part for part in parts if part]


def _titled(found: Sequence[Table], level: str = "###") -> list[str]:
    return [part for table in found for part in (f"{level} {escape(table.title)}", table_to_markdown(table))]


def _about(summary: Summary) -> str:
    results = summary.run.results
    versions, commit = results.get("versions") or {}, results.get("commit")
    oracle = results.get("oracle") or {}
    facts: dict[str, Any] = {
        "task": results.get("task"),
        "encoder": results.get("encoder"),
        "source": results["source"],
        "seed": results.get("seed"),
        "created": results.get("created"),
        "commit": commit and f"{commit}{' (with local changes)' * bool(results.get('dirty'))}",
        "command": shlex.join(map(str, results.get("command") or [])),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "parallel text": _parallel((results.get("data") or {}).get("parallel") or {}),
        "words with a translation": ", ".join(
            f"{language} {percent(share)} %"
            for language, share in ((results.get("data") or {}).get("words_with_translation") or {}).items()
        ),
        "encoder passes": _passes(results.get("passes") or {}),
        "seconds": ", ".join(f"{name} {value}" for name, value in (results.get("seconds") or {}).items()),
    }
    if {"chosen_target_dev_acc", "best_target_dev_acc"} <= set(oracle):
        chosen, best = oracle["chosen_target_dev_acc"], oracle["best_target_dev_acc"]
        facts["target dev accuracy"] = (
            f"{percent(chosen)} in the epoch chosen by the source; an oracle that chose by the targets: {percent(best)}"
        )
    rows = [f"| {name} | {escape(value)} |" for name, value in facts.items() if value not in (None, "")]
    return "\n".join(["| | |", "|---|---|", *rows])


def _parallel(record: Mapping[str, Any]) -> str:
    """Which sentence pairs a run had; empty if none."""
    if not record:
        return ""
    sources = ", ".join(f"{own['source']} {own['version']} ({own['licence']})" for own in record["sources"])
    control = f"; control: {record['control']}" if record.get("control") else ""
    return f"{record['pairs']:,} sentence pairs of {sources}, {record['hash'][:12]}{control}"


def _passes(counts: Mapping[str, float]) -> str:
    """What training cost; empty where a run does not say."""
    if not counts.get("train_tokens"):
        return ""
    kinds = (("forwards", "forward"), ("backwards", "backward"), ("input_backwards", "input-only backward"))
    shares = ", ".join(f"{counts[f'{kind}_tokens'] / counts['train_tokens']:.2f} {name}" for kind, name in kinds)
    return f"{shares} over the training set, worth {counts['plain_passes']:.2f} plain passes"


def table_to_markdown(table: Table) -> str:
    """A table, its cells escaped, averages in bold."""
    header = [escape(name) + (f"<br>{escape(note)}" if note else "") for name, note in table.columns]
    lines = [_row(header), _row(["---"] + ["--:"] * (len(header) - 1))]
    lines += [_row([_cell(cell) for cell in row]) for row in table.rows]
    lines += [_row([f"**{_cell(cell)}**" if cell != "" else "" for cell in row]) for row in table.summary]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escape(cell)
    return f"{cell.value} {cell.detail()}" + (r" \*" if cell.marked else "")


def _examples(found: Sequence[AttackedExample]) -> str:
    lines = [_row(["language", "attack", "original", "adversarial", "label", "prediction"]), _row(["---"] * 6)]
    for example in found:
        pieces = [changes(*texts) for texts in example.texts]
        sides = ["<br>".join(_pieces(pair[i]) for pair in pieces) for i in (0, 1)]
        own = [escape(value) for value in (example.label, example.prediction)]
        lines.append(_row([escape(example.language), escape(example.attack), *sides, *own]))
    return "\n".join(lines)


def _pieces(pieces: Sequence[tuple[str, bool]]) -> str:
    return "".join(f"<b>{escape(text)}</b>" if changed else escape(text) for text, changed in pieces)

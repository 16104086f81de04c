"""The figures of a study's report for other programs: CSV with full digits, LaTeX tables for a paper."""

from __future__ import annotations

from typing import Any

import pandas as pd

from xltrobust.report.study.answer import told
from xltrobust.report.study.effects import contrast_table
from xltrobust.report.study.languages import accuracy_table
from xltrobust.report.study.load import StudyReport
from xltrobust.report.tables.base import Table
from xltrobust.report.tidy import to_csv
from xltrobust.report.visible import visible


def csv_files(report: StudyReport) -> dict[str, str]:
    """By file name: the contrasts, and the accuracy of every run, language and condition; as fractions of 1."""
    return {
        "contrasts.csv": to_csv(pd.DataFrame([_contrast(own) for own in report.contrasts[0]])),
        "accuracy.csv": to_csv(accuracy_frame(report)),
    }


def accuracy_frame(report: StudyReport) -> pd.DataFrame:
    """A row for each run, language and condition, over the items that all runs have."""
    folders = {(run.cell, run.seed): run.name for runs in report.runs.values() for run in runs}
    rows = [
        {
            "cell": cell, "seed": seed, "run": folders[cell, seed], "condition": condition, "language": language,
            "accuracy": value, "items": int(counts.of[:, place].sum()),
        }
        for condition, counts in report.counts.items()
        for at, (cell, seed) in enumerate(counts.runs)
        for place, (language, value) in enumerate(zip(counts.languages, counts.by_language[at].tolist(), strict=True))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def latex_tables(report: StudyReport) -> str:
    """The contrasts, and accuracy by language, arm and condition: for ``booktabs``, every text escaped."""
    contrasts = report.contrasts[0]
    tables = [*([contrast_table(contrasts)] if contrasts else []), accuracy_table(report)]
    return "% \\usepackage{booktabs}\n\n" + "\n".join(map(_latex, tables))


def _latex(table: Table) -> str:
    names = [visible(f"{name} ({note})" if note else name) for name, note in table.columns]
    texts = [[visible(cell if isinstance(cell, str) else f"{cell.value} {cell.detail()}") for cell in row]
             for row in table.rows]  # fmt: skip
    # An arm may be called as another column is, and formats need different names.
    names = [name if names.count(name) == 1 else f"{name} {at}" for at, name in enumerate(names)]
    style = pd.DataFrame(texts, columns=names).style.hide(axis="index")
    style = style.format(escape="latex").format_index(axis=1, escape="latex")
    made = style.to_latex(hrules=True, column_format="l" * len(names), caption=_escaped(table.title))
    return str(made).replace("−", "$-$").replace("±", "$\\pm$")


def _escaped(text: str) -> str:
    return text.replace("%", r"\%")


def _contrast(own: Any) -> dict[str, Any]:
    found = {
        "contrast": told(own), "condition": own.condition, "runs": own.runs, "difference": own.value, "p": own.p,
        "p_holm": own.adjusted, "detectable": own.detectable,
    }  # fmt: skip
    parts = {"interval": own.interval, "seeds": own.seeds, "items": own.items, **own.by_runs}
    if own.model is not None:
        parts["log_odds"] = own.model
        found |= {"log_odds": own.model.value, "log_odds_p_holm": own.model_adjusted}
    return found | {f"{name}_{side}": getattr(part, side) for name, part in parts.items() for side in ("low", "high")}

"""A page of the attacked texts with their edits marked, to be filtered and searched in a browser.

One file that loads nothing from elsewhere. The texts are data in it, never markup: they are JSON in which no tag can
begin, the script sets them as text, and the page's own policy forbids any other script.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from xltrobust.report.conditions import attacked_texts, condition_rows
from xltrobust.report.summary import Report, Summary
from xltrobust.report.visible import visible

# About 50,000 rows of short texts. A browser opens this at once, and it can be sent by mail.
MOST_BYTES = 4_000_000


def has_attacked_texts(report: Report) -> bool:
    """Whether there is an attacked text to show."""
    return any(len(_attacked_rows(summary)) for summary in report.summaries)


def write_attacked_page(report: Report, path: Path, most_bytes: int = MOST_BYTES) -> None:
    """Writes the page.

    Args:
        report: its runs' attacked texts, of the examples that were right before the attack and that it changed.
        path: the file.
        most_bytes: of texts and answers. What is over this is left out, evenly over runs, languages, attacks and
            outcomes, and the page says how much.
    """
    template = files("xltrobust.report").joinpath("attacked.html").read_text(encoding="utf8")
    data, total = _page_data(report, most_bytes)
    shown = len(data["rows"])
    about = "Of examples that were right before the attack. Changed words are marked."
    if shown < total:
        about = (
            f"{total - shown:,} of {total:,} attacked texts are left out, evenly over languages, attacks and outcomes, "
            f"to keep the page below {most_bytes / 1e6:g} MB; predictions.parquet has all of them. {about}"
        )
    names = ", ".join(summary.run.name for summary in report.summaries)
    (script,) = re.findall(r"<script>(.*?)</script>", template, re.DOTALL)
    values = {
        "title": html.escape(visible(f"Attacked texts: {names}, {report.split}")),
        "about": html.escape(about),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "data": _json_in_html(data),
    }
    # In one go: what is filled in is not looked at again.
    page = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], template)
    path.write_text(page, encoding="utf8", newline="\n")


def _json_in_html(data: Any) -> str:
    """JSON for a ``<script>`` element: no tag, comment or entity can begin or end in it.

    >>> _json_in_html("</script><!-- &amp;")
    '"\\\\u003c/script\\\\u003e\\\\u003c!-- \\\\u0026amp;"'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _page_data(report: Report, most_bytes: int) -> tuple[dict[str, Any], int]:
    """What the page's script reads, and of how many attacked texts it shows some.

    Names are listed once and then given by number: an example is (run, language, id, label, texts), a row (example,
    attack, answer, 1 if broken, edits), with an edit or null for each text.
    """
    frames = [_attacked_rows(summary).assign(run=at) for at, summary in enumerate(report.summaries)]
    rows = pd.concat(frames, ignore_index=True)
    rows["place"] = rows.index
    rows["turn"] = rows.groupby(["run", "language", "attack", "correct"], sort=False).cumcount()
    languages = {name: number for number, name in enumerate(report.languages)}
    attacks = {name: number for number, name in enumerate(dict.fromkeys(rows["attack"]))}
    labels: dict[str, int] = {}
    numbers: dict[tuple[int, str, str], int] = {}
    examples: list[list[Any]] = []
    kept: dict[int, list[Any]] = {}
    size = 0
    # Every group in turn, so that a page that is full has as much of each.
    ordered: Iterable[Any] = rows.sort_values("turn", kind="stable").itertuples()
    for row in ordered:
        known = report.summaries[row.run].run.results.get("labels") or []
        label, answer = (
            labels.setdefault(visible(_label_name(known, number)), len(labels))
            for number in (row.label, row.prediction)
        )
        texts = _texts(row)
        key = (row.run, row.language, row.id)
        edits = [_edit(original, attacked) for original, attacked in texts]
        drawn = [numbers.get(key, len(examples)), attacks[row.attack], answer, int(not row.correct), edits]
        size += len(_json_in_html(drawn).encode())
        if key not in numbers:
            example = [row.run, languages[row.language], visible(row.id), label, [original for original, _ in texts]]
            size += len(_json_in_html(example).encode())
        if size > most_bytes:
            break
        if key not in numbers:
            numbers[key] = len(examples)
            examples.append(example)
        kept[row.place] = drawn
    data = {
        "runs": [visible(summary.run.name) for summary in report.summaries],
        "languages": [visible(name) for name in languages],
        "attacks": [visible(name) for name in attacks],
        "labels": list(labels),
        "examples": examples,
        "rows": [kept[place] for place in sorted(kept)],  # in the run's order again
    }
    return data, len(rows)


def _attacked_rows(summary: Summary) -> pd.DataFrame:
    """The rows of all attacks that hold an attacked text."""
    found = attacked_texts(condition_rows(summary.run, summary.split))
    rows = pd.concat(found) if found else summary.run.predictions.head(0)
    return rows[rows[["adversarial_text", "adversarial_text_pair"]].notna().any(axis=1)]


def _texts(row: Any) -> list[tuple[str, str]]:
    """(original, attacked) of each side that there is."""
    sides = ((row.text, row.adversarial_text), (row.text_pair, row.adversarial_text_pair))
    return [
        (visible(original), visible(attacked if isinstance(attacked, str) else original))
        for original, attacked in sides
        if isinstance(original, str)
    ]


def _label_name(known: Sequence[str], label: int) -> str:
    return str(known[label]) if 0 <= label < len(known) else str(label)


def _edit(original: str, attacked: str) -> tuple[int, int, str] | None:
    """How an attacked text comes of its original: what both begin and end with, and what stands between.

    Returns:
        The lengths of the common start and end, in UTF-16 units, as JavaScript counts, and the text between them; None
        if nothing was changed.

    >>> _edit("turn on", "turm on"), _edit("😀a", "😀b"), _edit("aa", "aaa"), _edit("a", "a")
    ((3, 3, 'm'), (2, 0, 'b'), (2, 0, 'a'), None)
    """
    if original == attacked:
        return None
    start = len(os.path.commonprefix([original, attacked]))
    end = len(os.path.commonprefix([original[start:][::-1], attacked[start:][::-1]]))
    between = attacked[start : len(attacked) - end]
    return _units(original[:start]), _units(original[len(original) - end :]), between


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2

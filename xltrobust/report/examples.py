"""A few examples that attacks broke, for the reader to judge."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from xltrobust.report.conditions import CLEAN, attacked_texts, condition_rows
from xltrobust.report.summary import Summary


@dataclass(frozen=True)
class AttackedExample:
    """An example that was right and is wrong under the attack; ``texts``: (original, attacked) of each side."""

    language: str
    attack: str
    label: str
    prediction: str
    texts: list[tuple[str, str]]


def attacked_examples(summary: Summary, number: int = 5) -> list[AttackedExample]:
    """At most ``number`` broken examples, spread over the languages and attacks."""
    rows = condition_rows(summary.run, summary.split)
    attacked = attacked_texts(rows)
    if not attacked:
        return []
    broken = pd.concat(attacked)
    broken = broken[~broken["correct"] & (broken["adversarial_text"].notna() | broken["adversarial_text_pair"].notna())]
    if CLEAN in rows:
        right = rows[CLEAN].loc[rows[CLEAN]["correct"], ["language", "id"]]
        broken = broken.merge(right, on=["language", "id"])
    if broken.empty:
        return []
    # One language after the other, each time with another attack.
    turn = broken.groupby(["language", "attack"], sort=False).cumcount()
    order = {language: i for i, language in enumerate(summary.languages)}
    attacks = {attack: i for i, attack in enumerate(dict.fromkeys(broken["attack"]))}
    place = broken["language"].map(order)
    shift = (broken["attack"].map(attacks) - place) % max(1, len(attacks))
    # The source comes last: how the targets break is what the reader is after.
    place = place.where(broken["language"] != summary.source, len(order))
    chosen = broken.assign(turn=turn, shift=shift, place=place).sort_values(["turn", "shift", "place"], kind="stable")
    return [_example(row, summary.run.results.get("labels") or []) for row in chosen.head(number).itertuples()]


def _example(row: object, labels: Sequence[str]) -> AttackedExample:
    def name(label: int) -> str:
        return str(labels[label]) if 0 <= label < len(labels) else str(label)

    values = {key: getattr(row, key) for key in row._fields}  # type: ignore[attr-defined]
    texts = []
    for side in ("text", "text_pair"):
        original, adversarial = values[side], values[f"adversarial_{side}"]
        if isinstance(original, str):
            texts.append((original, adversarial if isinstance(adversarial, str) else original))
    return AttackedExample(
        values["language"], values["attack"], name(int(values["label"])), name(int(values["prediction"])), texts
    )


def changes(original: str, adversarial: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """Splits both texts into pieces (text, changed), by words, or by characters if no spaces separate words.

    >>> changes("turn on the light", "turn no the light")[1]
    [('turn ', False), ('no', True), (' the light', False)]
    """
    spaced = len(original.split()) > 2
    old, new = ([*re.findall(r"\w+|\W", text)] if spaced else [*text] for text in (original, adversarial))
    pieces: tuple[list[tuple[str, bool]], list[tuple[str, bool]]] = ([], [])
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        for side, part in ((pieces[0], old[start:end]), (pieces[1], new[other_start:other_end])):
            if part:
                side.append(("".join(part), kind != "equal"))
    return pieces

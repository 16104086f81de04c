"""Do attacked texts still say what they said? A second model, the reader, answers the clean and the attacked texts.

The reader is of another architecture and has learned the language from labels in it. Where it answers an attacked text
as it answered the clean one, the text can still be read. Its agreement is compared with that on random edits of the
same perturbation which change as many words and characters: these no model has chosen, so what they take away is what
the amount of change takes away.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from xltrobust.arguments import CLASS, HASH
from xltrobust.building import build
from xltrobust.errors import UserError
from xltrobust.evaluation.predictions import Row
from xltrobust.example import Example, Language
from xltrobust.metrics.bootstrap import Interval, bootstrap_accuracy, paired_difference
from xltrobust.metrics.changes import Changes, changes
from xltrobust.perturb.base import Perturbation, Victim
from xltrobust.perturb.draws import random_edits
from xltrobust.perturb.edits import apply_edits
from xltrobust.renamed import with_new_names
from xltrobust.seeding import derived_seed

_TRIES = 3  # numbers of edits tried beyond the one that changes enough


class Reading(NamedTuple):
    """A text, what an attack and what chance made of it, and whether the reader's answer stayed the same.

    Attributes:
        language: of the test set.
        group: of the example, for intervals.
        id: of the example.
        broken: whether the attack succeeded.
        attacked: whether the reader answers the attacked text as the clean one.
        random: the same of the randomly edited text.
        changed: what the attack changed.
        changed_at_random: what the random edits changed.
    """

    language: str
    group: str
    id: str
    broken: bool
    attacked: bool
    random: bool
    changed: Changes
    changed_at_random: Changes


def perturbation_of(record: Mapping[str, Any], where: str) -> Perturbation:
    """The perturbation of an attack, by its record in ``results.json``.

    Raises:
        UserError: if the record does not tell all of its options, or is of a replayed attack.
    """
    described = with_new_names(record["recipe"]["perturbation"])
    options = {name: value for name, value in described.items() if name not in (CLASS, HASH)}
    if described[CLASS] == "Replay" or any(isinstance(value, dict) and HASH in value for value in options.values()):
        raise UserError(f"{where}: its perturbation, {described[CLASS]}, cannot be made again from the record.")
    section = {"class_path": described[CLASS], "init_args": options}
    made: Perturbation = build("perturbation", Perturbation, section, where)
    return made


def readings(
    rows: Sequence[Row], languages: Mapping[str, Language], perturbation: Perturbation, reader: Victim, seed: int
) -> list[Reading]:
    """What the reader makes of an attack's texts, and of random edits of the same amount.

    Args:
        rows: of ``predictions.parquet``, of one attack; those without an attacked text are left out.
        languages: by the name of a test set.
        perturbation: that of the attack.
        reader: answers texts.
        seed: of the random edits, which depend on the example besides.
    """
    tried = [row for row in rows if row["adversarial_text"] is not None]
    clean = [_example(row, languages[row["language"]]) for row in tried]
    attacked = [
        replace(example, text=row["adversarial_text"], text_pair=row["adversarial_text_pair"])
        for row, example in zip(tried, clean, strict=True)
    ]
    amounts = [changes(*pair) for pair in zip(clean, attacked, strict=True)]
    by_chance = [_by_chance(e, perturbation, amount, seed) for e, amount in zip(clean, amounts, strict=True)]
    answers = [reader(texts).argmax(axis=1) for texts in (clean, attacked, by_chance)] if clean else [[], [], []]
    return [
        Reading(
            row["language"], row["group"] or row["id"], row["id"], row["broken_at"] is not None,
            bool(before == after), bool(before == other), amount, changes(example, drawn),
        )
        for row, example, drawn, amount, before, after, other in zip(
            tried, clean, by_chance, amounts, *answers, strict=True
        )
    ]  # fmt: skip


def _example(row: Row, language: Language) -> Example:
    return Example(row["id"], language, row["text"], row["label"], row["text_pair"])


def _by_chance(example: Example, perturbation: Perturbation, amount: Changes, seed: int) -> Example:
    """Random edits, as many as come closest to changing as many words, then characters."""
    closest, least, beyond, count = example, (amount.words, amount.characters), 0, 0
    while beyond < _TRIES:
        count += 1
        rng = random.Random(derived_seed("validity", seed, example.language, example.id))
        edits = random_edits(example, perturbation, (), count, rng)
        drawn = apply_edits(example, edits)
        found = changes(example, drawn)
        distance = abs(found.words - amount.words), abs(found.characters - amount.characters)
        if drawn != example and (closest is example or distance < least):
            closest, least = drawn, distance
        if len(edits) < count:
            break  # there are no more
        beyond += found.words >= amount.words and found.characters >= amount.characters
    return closest


def agreement(found: Sequence[Reading], language_names: Sequence[str]) -> dict[str, Any]:
    """The reader's agreement by language and over them (``avg``), with 95 % intervals; of nothing, nothing.

    Args:
        found: the readings of one attack.
        language_names: those that ``avg`` is over, as far as there are readings.
    """
    if not found:
        return {}
    frame = pd.DataFrame(found)
    there = [name for name in language_names if name in set(frame["language"])]
    average = {"avg": dict.fromkeys(there, 1 / len(there))} if there else None
    columns = frame["language"], frame["group"]
    attacked = bootstrap_accuracy(frame["attacked"], *columns, combinations=average)
    by_chance = bootstrap_accuracy(frame["random"], *columns, combinations=average)
    keyed = frame[["language", "id", "group"]]
    gap = paired_difference(
        keyed.assign(correct=frame["attacked"]), keyed.assign(correct=frame["random"]), combinations=average
    ).intervals
    result = {}
    for name in attacked:
        own = frame if name == "avg" else frame[frame["language"] == name]
        result[name] = {
            "examples": len(own),
            "attacked": _interval(attacked[name]),
            "random": _interval(by_chance[name]),
            "difference": _interval(gap[name]),
            "words_changed": _means(own, "words"),
            "characters_changed": _means(own, "characters"),
        }
    return result


def _interval(interval: Interval) -> list[float]:
    return [round(value, 6) for value in (interval.value, interval.low, interval.high)]


def _means(frame: pd.DataFrame, what: str) -> list[float]:
    """Of the attacked and of the randomly edited texts."""
    columns = frame["changed"], frame["changed_at_random"]
    return [round(float(pd.Series([getattr(own, what) for own in column]).mean()), 4) for column in columns]

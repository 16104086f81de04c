"""Checks that a finished run still has the data and the weights that it was tested with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xltrobust.errors import UserError
from xltrobust.evaluation.predictions import Row, check_same_texts, place_of
from xltrobust.evaluation.shares import chosen_examples
from xltrobust.example import EvaluationSet
from xltrobust.files import content_hash
from xltrobust.perturb.base import Victim
from xltrobust.runs.folder import RunFolder

_ASKED, _TIPPED = 20, 0.02  # clean texts of a set that tell a checkpoint; the share that may be answered otherwise


def check_data(
    rows: Sequence[Row],
    sets: Sequence[EvaluationSet],
    labels: Sequence[str],
    folder: RunFolder,
    *,
    all_tested: bool = True,
) -> None:
    """Refuses data that have changed since the clean test.

    Args:
        rows: of ``predictions.parquet``.
        sets: the test sets as they are now.
        labels: the classes as they are now.
        folder: of the results.
        all_tested: whether the clean test covered all examples.

    Raises:
        UserError: naming what differs.
    """
    tested = folder.recorded("labels")
    if tested != list(labels):
        raise UserError(
            f"{folder.results}: the classes were {', '.join(tested)}, and now are {', '.join(labels)}: "
            "not the same data."
        )
    clean = [row for row in rows if row["attack"] is None]
    check_same_texts(clean, sets, str(folder.predictions), whole=True, all_tested=all_tested)


def check_checkpoint(folder: RunFolder) -> bool:
    """Refuses a checkpoint that is not the one tested.

    Returns:
        Whether this could be checked: older versions recorded no hash.

    Raises:
        UserError: if the file is another checkpoint.
    """
    tested = folder.recorded("checkpoint").get("hash")
    if tested is not None and tested != content_hash(folder.checkpoint):
        raise UserError(f"{folder.checkpoint}: not the checkpoint whose results {folder.results} holds: test it anew.")
    return tested is not None


def check_answers(rows: Sequence[Row], sets: Sequence[EvaluationSet], victim: Victim, folder: RunFolder) -> None:
    """Refuses a checkpoint whose answers to clean texts differ from those recorded; used where no hash was recorded.

    Args:
        rows: of ``predictions.parquet``.
        sets: the test sets.
        victim: the checkpoint's classifier, which is asked about some texts of each set.
        folder: of the results.

    Raises:
        UserError: if more answers differ than rounding explains.
    """
    given = {place_of(row): row["prediction"] for row in rows if row["attack"] is None}
    asked = [
        (evaluation_set.examples[index], given[key])
        for evaluation_set in sets
        for index in chosen_examples(evaluation_set, _ASKED)
        if (key := (evaluation_set.split, evaluation_set.name, evaluation_set.examples[index].id)) in given
    ]
    if not asked:
        return
    answers = victim([example for example, _ in asked]).argmax(axis=1)
    differ = int(np.sum(answers != np.array([answer for _, answer in asked])))
    # Another machine or precision tips a close decision now and then.
    if differ > max(1, _TIPPED * len(asked)):
        raise UserError(
            f"{folder.checkpoint}: answers {differ} of {len(asked)} clean texts otherwise than {folder.predictions} "
            "has it: not the checkpoint that was tested; test it anew."
        )

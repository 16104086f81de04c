"""Whether a finished run is still what it was when it was tested: the same data, the same weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xltrobust.errors import UserError
from xltrobust.evaluation.predictions import Row, check_same_texts
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
    """Refuses data that are not those of the clean test any more.

    Args:
        rows: of ``predictions.parquet``.
        sets: the test sets as they are now.
        labels: the classes as they are now.
        folder: of the results.
        all_tested: whether the clean test was of all examples.

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
        Whether that could be told: older versions kept no hash of it.

    Raises:
        UserError: if it is another.
    """
    tested = folder.recorded("checkpoint").get("hash")
    if tested is not None and tested != content_hash(folder.checkpoint):
        raise UserError(f"{folder.checkpoint}: not the checkpoint whose results {folder.results} holds: test it anew.")
    return tested is not None


def check_answers(rows: Sequence[Row], sets: Sequence[EvaluationSet], victim: Victim, folder: RunFolder) -> None:
    """Refuses a checkpoint that answers clean texts otherwise than the one tested, where there is no hash to compare.

    Args:
        rows: of ``predictions.parquet``.
        sets: the test sets.
        victim: the checkpoint's classifier, which is asked about some texts of each.
        folder: of the results.

    Raises:
        UserError: if too many answers differ.
    """
    given = {(row["split"], row["language"], row["id"]): row["prediction"] for row in rows if row["attack"] is None}
    asked = [
        (own.examples[index], given[key])
        for own in sets
        for index in chosen_examples(own, _ASKED)
        if (key := (own.split, own.name, own.examples[index].id)) in given
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

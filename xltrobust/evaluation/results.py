"""``results.json``: what ``fit`` and ``attack --model`` both say of a tested model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from xltrobust.runs.folder import SCHEMA, RunFolder
from xltrobust.runs.provenance import code_hash, git_state, package_versions


def tested_model(
    folder: RunFolder,
    data: Any,
    *,
    command: Sequence[str],
    encoder: str,
    seed: int,
    machine: dict[str, Any],
    head_seed: int | None = None,
) -> dict[str, Any]:
    """What was tested, on what, when, by which code and where; figures and attacks come beside it.

    Args:
        folder: of the results.
        data: the task's data module, with ``test_sets``, ``labels`` and ``source``.
        command: what was run, with its arguments.
        encoder: the encoder's name, or the classifier's.
        seed: of all random choices, attacks included.
        machine: see :func:`~xltrobust.runs.provenance.machine`.
        head_seed: of the head's initial weights; None if they were drawn with ``seed``, or it is not known.
    """
    return {
        "schema": SCHEMA,
        "name": folder.path.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **git_state(),
        "code": code_hash(),
        "command": list(command),
        "seed": seed,
        "head_seed": head_seed,
        "versions": package_versions(),
        "machine": machine,
        "task": type(data).__name__,
        "text_pairs": data.test_sets[0].examples[0].text_pair is not None,
        "encoder": encoder,
        "labels": data.labels,
        "source": data.source,
        "languages": [evaluation_set.name for evaluation_set in data.test_sets if evaluation_set.split == "test"],
    }

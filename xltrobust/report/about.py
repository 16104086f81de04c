"""What a run was: task, encoder, commit, command, versions, parallel text, compute."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from xltrobust.report.blocks import Facts
from xltrobust.report.summary import Summary
from xltrobust.report.tables.base import percent


def about(summary: Summary) -> Facts:
    """What a run was and what it ran on, as far as it is recorded."""
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
    return Facts({name: str(value) for name, value in facts.items() if value not in (None, "")})


def _parallel(record: Mapping[str, Any]) -> str:
    """Which sentence pairs a run had; empty if none."""
    if not record:
        return ""
    sources = ", ".join(f"{source['source']} {source['version']} ({source['licence']})" for source in record["sources"])
    control = f"; control: {record['control']}" if record.get("control") else ""
    return f"{record['pairs']:,} sentence pairs of {sources}, {record['hash'][:12]}{control}"


def _passes(counts: Mapping[str, float]) -> str:
    """What training cost; empty where a run does not say."""
    if not counts.get("train_tokens"):
        return ""
    kinds = (("forwards", "forward"), ("backwards", "backward"), ("input_backwards", "input-only backward"))
    shares = ", ".join(f"{counts[f'{kind}_tokens'] / counts['train_tokens']:.2f} {name}" for kind, name in kinds)
    return f"{shares} over the training set, worth {counts['plain_passes']:.2f} plain passes"

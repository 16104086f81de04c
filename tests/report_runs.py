"""Folders of finished runs, written by hand, and what a report prints of them."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
from rich.console import Console

from xltrobust.report import print_report

EVIL = "<script>alert(1)</script> a|b [x](y) `c` *d*\n\u202eend"


def row(language, i, attack=None, right=True, adversarial=None, split="test"):
    label = i % 2
    return {
        "id": f"{i}", "group": f"{language}/{i // 2}", "split": split, "language": language, "label": label,
        "prediction": label if right else 1 - label, "attack": attack, "text": f"turn on light {i}", "text_pair": None,
        "adversarial_text": adversarial, "adversarial_text_pair": None, "queries": None if attack is None else 7,
    }  # fmt: skip


def write_run(folder, *, name="base", shift=0, languages=("en", "de", "zh-CN"), attacks=("typos", "words"), **results):
    """40 examples a language: right are the first 36, 32, 28 (plus ``shift``); attacks cover 20, of which 10 and 15."""
    folder.mkdir(parents=True)
    rows = []
    for j, language in enumerate(languages):
        rows += [row(language, i, right=i < 36 - 4 * j + shift) for i in range(40)]
    for a, attack in enumerate(attacks):
        for language in languages:
            rows += [row(language, i, attack, i < 10 or a * i > 14, None if i < 10 else EVIL) for i in range(20)]
    rows += [row("en", i, split="test_seen") for i in range(10)]
    accuracies = {language: (36 - 4 * j + shift) / 40 for j, language in enumerate(languages)}
    accuracies["avg"] = float(np.mean(list(accuracies.values())[1:]))
    figures = {f"test/acc/{language}": value for language, value in accuracies.items()}
    figures |= {f"test/f1/{language}": value - 0.01 for language, value in accuracies.items()}
    figures |= {f"test/majority/{language}": 0.5 for language in accuracies}
    figures |= {"test/acc_shared/avg_all": 0.8, "test/transfer_gap": 0.15}
    default = {
        "schema": 1, "name": name, "created": "2030-01-02T03:04:05+00:00", "commit": "abc", "dirty": True, "seed": 0,
        "command": ["fit.py", "--config", "a b.yaml"], "versions": {"torch": "2.9"}, "task": "XNLI",
        "encoder": "mini_lm",
        "labels": ["off|", "on"], "source": "en", "languages": list(languages),
        "data": {"intents_covered": dict.fromkeys(languages, 31)}, "figures": figures, "seconds": {"fit": 1.5},
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(default | results))
    pd.DataFrame(rows).to_parquet(folder / "predictions.parquet")
    return folder


def rewrite(run, change):
    path = run / "predictions.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


def attacked_on(folder, covered, clean=(), **results):
    """A run whose clean texts are right except ``clean``; ``covered``: answers by attack and language."""
    languages = list(dict.fromkeys(name for own in covered.values() for name in own))
    write_run(folder, languages=languages, attacks=(), figures={}, data={}, **results)

    def attacked(frame):
        frame = frame[frame["split"] == "test"]
        frame = frame.assign(prediction=frame["label"].where(~frame["id"].isin(list(clean)), 1 - frame["label"]))
        rows = [
            row(language, i, attack, answer == "1")
            for attack, own in covered.items()
            for language, answers in own.items()
            for i, answer in enumerate(answers)
        ]
        return pd.concat([frame, pd.DataFrame(rows)])

    rewrite(folder, attacked)
    return folder


def printed(report, width=120):
    console = Console(width=width, record=True, file=io.StringIO())
    print_report(report, console=console)
    return console.export_text()

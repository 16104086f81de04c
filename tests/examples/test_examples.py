"""The scripts in examples/ run, on a few examples and with a tiny encoder."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the scripts were run: their folder is where Python looks for modules first."""
    monkeypatch.syspath_prepend(EXAMPLES)


def test_a_classifier_of_ones_own_is_attacked(capsys: pytest.CaptureFixture[str]) -> None:
    results = importlib.import_module("attack_your_classifier").main(max_train=300, max_test=23)
    broken = [result for result in results if result.broken and result.adversarial is not None]
    right = sum(not result.broken for result in results)
    assert broken and len(results) == 23
    printed = capsys.readouterr().out
    assert f"clean: {100 * (right + len(broken)) / 23:.1f} %" in printed
    assert f"typing errors: {100 * right / 23:.1f} %" in printed


def test_parts_of_ones_own_are_trained_with(
    tiny_encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = importlib.import_module("train_with_own_parts")
    runs = script.main(tmp_path, str(tiny_encoder), max_train=64, max_test=23)
    assert "elongation (clean)" in capsys.readouterr().out
    results = json.loads((tmp_path / "penalty" / "results.json").read_text(encoding="utf8"))
    assert results["attacks"]["elongation"]["recipe"]["perturbation"]["class"].endswith("Elongation")
    assert "ConfidencePenalty" in (tmp_path / "penalty" / "config.yaml").read_text(encoding="utf8")
    rows = runs["plain"].to_pandas()
    tried = rows[rows.attack.notna() & rows.adversarial_text.notna()]
    assert len(tried) and set(tried.language) <= {"en", "de", "fi"}

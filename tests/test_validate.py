"""The validate command, as users type it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from conftest import run_command, write_tiny_config
from xltrobust.errors import UserError
from xltrobust.validate import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> dict[str, Path]:
    """An attacked run, and one like it that reads."""
    folder = tmp_path_factory.mktemp("validate")
    run_command("fit", "--config", write_tiny_config(folder / "config.yaml", tiny_encoder, tiny_task, max_epochs=3))
    return {"run": folder / "run", "reader": Path(shutil.copytree(folder / "run", folder / "reader"))}


def test_a_reader_that_is_the_attacked_model_reads_no_broken_text_as_before(runs: dict[str, Path]) -> None:
    """Which checks the counts: a text is broken where this model's answer has changed."""
    main(["--run", str(runs["run"]), "--reader", str(runs["reader"])])
    found = json.loads((runs["run"] / "validity.json").read_text(encoding="utf8"))
    rows = pd.read_parquet(runs["run"] / "predictions.parquet")
    attacked = rows[(rows["attack"] == "typo") & rows["adversarial_text"].notna()]
    broken = attacked[attacked["broken_at"].notna()]
    assert len(broken) and found["attacks"]["typo"]["broken"]["avg"]["attacked"][0] == 0
    for which, own in (("broken", broken), ("all", attacked)):
        counts = {name: len(part) for name, part in own.groupby("language")}
        table = found["attacks"]["typo"][which]
        assert {name: one["examples"] for name, one in table.items() if name != "avg"} == counts
        for name, part in own.groupby("language"):
            kept = (part["prediction"] == part["label"]).mean()
            assert table[name]["attacked"][0] == pytest.approx(kept, abs=1e-5)
    assert found["readers"]["de"]["source"] == "en" and found["readers"]["de"]["run"] == "reader"
    report = (runs["run"] / "report" / "report.md").read_text(encoding="utf8")
    assert "validity in %, texts that broke an example" in report and "trained on labels in en" in report


def test_one_language_alone(runs: dict[str, Path]) -> None:
    main(["--run", str(runs["run"]), "--reader", f"de={runs['reader']}", "--attack", "typo"])
    found = json.loads((runs["run"] / "validity.json").read_text(encoding="utf8"))
    assert list(found["readers"]) == ["de"] and set(found["attacks"]["typo"]["all"]) == {"de", "avg"}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--reader", "{reader}", "--attack", "x"], "--attack x: .* has no such attack, but typo"),
        (["--reader", "fr={reader}"], "--reader fr=: .* was tested in en, de, zh"),
        (["--reader", "{run}"], "--reader .*: the attacked model itself cannot tell"),
        (["--reader", "{reader}", "--reader", "{reader}"], "there is a reader of all languages already"),
        (["--reader", "nowhere"], "nowhere/results.json: not found"),
    ],
)
def test_mistakes_are_told_in_one_line(runs: dict[str, Path], options: list[str], error: str) -> None:
    with pytest.raises(UserError, match=error) as told:
        main(["--run", str(runs["run"]), *(option.format(**runs) for option in options)])
    assert "\n" not in str(told.value)

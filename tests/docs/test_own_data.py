"""The configurations for data of one's own that the pages print train as they are printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from readers_files import write_readers_files

from xltrobust import fit

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/own-data.md"])
def test_ones_own_data_is_trained_on_for_as_long_as_it_says(
    page: str, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (printed,) = re.findall(r"```yaml\n(# reviews.yaml\n.*?)```", (ROOT / page).read_text(encoding="utf8"), re.DOTALL)
    write_readers_files(tmp_path)
    (tmp_path / "reviews.yaml").write_text(printed, encoding="utf8")
    monkeypatch.chdir(tmp_path)
    fit.main(["--config", "reviews.yaml", "--model.encoder", str(tiny_encoder), "--trainer.logger", "false"])
    results = json.loads((tmp_path / "runs" / "reviews" / "results.json").read_text(encoding="utf8"))
    assert results["languages"] == ["en", "de", "sw", "zh"]
    validated = results["checkpoint"]["validation"]
    epochs = yaml.safe_load(printed)["trainer"]["max_epochs"]
    assert [epoch["epoch"] for epoch in validated] == list(range(epochs)) and "target_acc" not in validated[0]
    assert results["data"]["examples"]["dev"] == {"en": 6}

from __future__ import annotations

from pathlib import Path

from xltrobust.datamodules.files_by_language import files_by_language


def test_every_place_stands_for_the_same_language(tmp_path: Path) -> None:
    for language, name in (("de", "de"), ("zh-CN", "zh-CN"), ("de", "fr")):
        (tmp_path / language).mkdir(exist_ok=True)
        (tmp_path / language / f"test[1].{name}.tsv").touch()
    found = files_by_language(str(tmp_path / "{language}" / "test[1].{language}.tsv"))
    assert list(found) == ["de", "zh-CN"]
    assert found["de"] == tmp_path / "de" / "test[1].de.tsv"

"""From Python: the five lines of the README, and what they return."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_attack_classifier import NAMES, save_classifier

from xltrobust.api import Results, attack, fit, part
from xltrobust.errors import UserError

TYPO = {"perturbation": part("TypoPerturbation"), "search": part("RandomSearch", draws=2)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, tiny_task: Path) -> Results:
    folder = tmp_path_factory.mktemp("api")
    return fit(
        run_dir=folder / "run",
        data=part("LocalClassification", data_dir=tiny_task, source="en", languages=["de"], columns={"id": "id"}),
        regularizers=["R3F", part("AdversarialTraining", weight=0.5)],
        attacks={"typo": TYPO},
        max_epochs=1,
        model={"encoder": tiny_encoder, "pooling": "mean"},
        trainer={"accelerator": "cpu", "enable_progress_bar": False},
        quiet=True,
    )


def test_a_run_is_summed_up(run: Results, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.results["regularizers"]["adversarial_training"]["weight"] == 0.5
    assert {"r3f", "adversarial_training"} == set(run.results["regularizers"])
    summary = run.summary()
    assert list(summary.columns) == ["clean", "typo (clean)", "typo"] and {"en", "de", "avg"} <= set(summary.index)
    assert summary.loc["de", "clean"] == pytest.approx(100 * run.results["figures"]["test/acc/de"])
    assert summary.loc["de", "typo"] == pytest.approx(100 * run.results["figures"]["test/adv_acc/typo/de"])
    rows = run.to_pandas()
    assert len(rows) == 100 and set(rows["attack"].dropna()) == {"typo"}
    figures = run.figures()
    assert {"low", "high"} <= set(figures.columns) and len(figures) > 10


def test_a_report_is_written_where_it_is_wanted(run: Results, tmp_path: Path) -> None:
    paths = run.report(tmp_path / "report")
    assert paths.markdown == tmp_path / "report" / "report.md" and paths.markdown.read_text(encoding="utf8")


def test_a_run_is_attacked(run: Results) -> None:
    found = attack(run.path, attacks=["typo_random"], max_examples=5, languages=["de"], accelerator="cpu", quiet=True)
    assert found.path == run.path and "typo_random" in found.summary().columns


def test_options_may_be_left_at_their_defaults_or_given_without_a_value(run: Results) -> None:
    attack(
        run.path, attacks=["case"], max_examples=1, languages=None, similarity=False, verbose=True, output=None,
        accelerator="cpu", quiet=True,
    )  # fmt: skip
    assert Results(run.path).results["attacks"]["case"]["examples"] == 2  # one in English, one in German
    with pytest.raises(UserError, match="argument --seed: expected one argument"):
        attack(run.path, attacks=["case"], seed=True)


def test_a_path_may_stand_anywhere(tmp_path: Path) -> None:
    from xltrobust.api import _options

    table = tmp_path / "de.tsv"
    assert _options("data", part("PAWSX", data_dir=tmp_path, tables={"de": table})) == [
        "--data=PAWSX",
        f"--data.init_args.data_dir={tmp_path}",
        f'--data.init_args.tables={{"de": "{table}"}}',
    ]


def test_a_classifier_is_attacked_on_a_file(tmp_path: Path, tiny_task: Path, capsys) -> None:
    model = save_classifier(tmp_path / "model", NAMES)
    found = attack(
        model, data=str(tiny_task / "{language}" / "test.tsv"), languages=["de", "zh"], attacks=["typo_random"],
        max_examples=5, output=tmp_path / "out", accelerator="cpu",
    )  # fmt: skip
    assert found.path == tmp_path / "out" and list(found.summary().index[:2]) == ["de", "zh"]
    assert "typo_random" in capsys.readouterr().out


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="attacks: 'tipo' is neither a file nor one of bidi, case, "):
        fit(run_dir=tmp_path / "run", attacks=["tipo"], max_epochs=1)
    with pytest.raises(UserError, match="attacks: expected a list of names, but got the text 'typo_random'"):
        attack(tmp_path, attacks="typo_random")
    with pytest.raises(UserError, match="attacks: expected a list of names, but got the text 'typo_random'"):
        fit(run_dir=tmp_path / "run", attacks="typo_random")
    with pytest.raises(UserError, match="regularizers: expected a list of names, but got the text 'R3F'"):
        fit(run_dir=tmp_path / "run", regularizers="R3F")
    assert not (tmp_path / "run").exists()

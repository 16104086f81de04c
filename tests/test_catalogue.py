"""What ``xltrobust list`` says: every class that can be named, the user's own among them, with a line on each."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import xltrobust.datamodules
import xltrobust.perturb
import xltrobust.regularizers
from xltrobust.catalogue import main
from xltrobust.errors import UserError
from xltrobust.perturb import Perturbation

ROOT = Path(__file__).parents[1]


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    main(arguments)
    found = {name: said for name, _, said in (line.partition(" ") for line in capsys.readouterr().out.splitlines())}
    # Classes of other tests, which have been imported into this process too, need not say what they are.
    assert not [name for name, said in found.items() if "." not in name and not said.strip()]
    return {name: said.strip() for name, said in found.items()}


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("perturbations", {"TypoPerturbation", "WordDropping"}),
        ("constraints", {"KeepNumbers", "SemanticSimilarity"}),
        ("searches", {"GreedySearch", "BeamSearch"}),
        ("goals", {"Misclassification", "Targeted"}),
        ("tasks", {"XNLI", "LocalClassification"}),
        ("bitexts", {"PairTable", "TMXFile"}),
        ("aligners", {"StatisticalAligner", "EmbeddingAligner"}),
    ],
)
def test_classes_are_listed_by_kind(kind: str, some: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys, kind)
    assert some <= found.keys()
    exported = {**vars(xltrobust.perturb), **vars(xltrobust.datamodules)}
    ours = [name for name in found if "." not in name]
    assert ours == sorted(ours) and set(ours) <= exported.keys()
    assert not any("``" in said or ":class:" in said for said in found.values())


def test_every_regularizer_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = {name for name in listed(capsys, "regularizers") if "." not in name}
    assert found == set(xltrobust.regularizers.__all__) - {"Ball", "GradientShare", "Regularizer"}


def test_attacks_are_told_by_the_comment_at_their_top(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    found = listed(capsys, "attacks")
    assert found.keys() == {path.stem for path in (ROOT / "experiments" / "attacks").glob("*.yaml")}
    first = (ROOT / "experiments" / "attacks" / "typo_greedy.yaml").read_text(encoding="utf8").splitlines()[0]
    assert found["typo_greedy"] == first.removeprefix("# ")
    monkeypatch.chdir(tmp_path)
    assert listed(capsys, "attacks") == found  # from anywhere


def test_classes_of_the_users_module_are_listed_by_their_paths(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_listed.py").write_text(
        "from xltrobust.perturb import Perturbation\n\nclass Shouting(Perturbation):\n"
        '    """Writes words\n    in capitals.\n\n    Args:\n        none.\n    """\n\n    def edits(self, example):\n'
        "        return []\n\nclass _Hidden(Shouting):\n    pass\n"
    )
    abstract = Perturbation.__abstractmethods__
    (tmp_path / "own_listed.py").write_text(
        (tmp_path / "own_listed.py").read_text().replace("edits(self, example)", f"{min(abstract)}(self, *arguments)")
    )
    found = listed(capsys, "perturbations", "--module", "own_listed")
    assert found["own_listed.Shouting"] == "Writes words in capitals." and "TypoPerturbation" in found
    assert not [name for name in found if "Hidden" in name]
    (tmp_path / "own_broken.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(UserError, match="--module own_broken: cannot be imported .*nowhere_to_be_found"):
        main(["tasks", "--module", "own_broken"])


def test_what_is_listed_is_found_by_its_name_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from xltrobust.evaluation.attack_recipes import build_recipe

    options = yaml.safe_load("{perturbation: WordDropping, search: GreedySearch, constraints: [KeepNumbers]}")
    recipe = build_recipe(options, "here")
    assert type(recipe.perturbation) is xltrobust.perturb.WordDropping
    assert type(recipe.constraints[0]) is xltrobust.perturb.KeepNumbers

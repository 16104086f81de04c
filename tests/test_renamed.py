"""What earlier versions wrote under other names is read, and is the same."""

import json
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from xltrobust.bounded_yaml import bounded_configurations
from xltrobust.errors import UserError
from xltrobust.evaluation.attack_recipes import build_recipe
from xltrobust.perturb import Attack, GreedySearch, TypoPerturbation
from xltrobust.perturb.recipe import describe_attack, first_difference
from xltrobust.renamed import with_new_names
from xltrobust.runs.folder import RunFolder

DOCS = Path(__file__).parents[1] / "docs/results"
OLD = "{class_path: xltrobust.perturb.GreedySearch, init_args: {candidates_per_word: 8, passes: 5}}"


def test_the_sweeps_of_a_finished_run_are_still_read_and_are_those_of_its_results():
    folder = RunFolder(DOCS / "parallel/none/seed-0")
    assert "passes: 1" in folder.config.read_text(encoding="utf8")
    compared = 0
    for name, options in folder.options["adversarial"]["attacks"].items():
        there = folder.finished["attacks"][name]["recipe"]
        if there["search"]["class"] == "GreedySearch" and there["perturbation"]["class"] == "TypoPerturbation":
            recipe = build_recipe(options, name)
            assert "passes" in there["search"] and recipe.search.sweeps == there["search"]["passes"] == 1
            assert first_difference(there, describe_attack(recipe)) is None
            changed = json.loads(json.dumps(there)) | {"search": {**there["search"], "passes": 2}}
            assert first_difference(changed, describe_attack(recipe)).option == "recipe.search.sweeps"
            compared += 1
    assert compared


def test_a_command_s_configuration_may_have_the_old_name(tmp_path):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_argument("--attacks", type=dict[str, Attack])
    (tmp_path / "a.yaml").write_text(
        f"attacks: {{typo: {{perturbation: {{class_path: xltrobust.perturb.TypoPerturbation}}, search: {OLD}}}}}",
        encoding="utf8",
    )
    with bounded_configurations():
        parsed = parser.instantiate_classes(parser.parse_args(["--config", str(tmp_path / "a.yaml")]))
    search = parsed.attacks["typo"].search
    assert isinstance(search, GreedySearch) and search.sweeps == 5


def test_both_names_at_once_are_refused():
    options = {
        "perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"},
        "search": {"class_path": "xltrobust.perturb.GreedySearch", "init_args": {"passes": 5, "sweeps": 4}},
    }
    with pytest.raises(UserError, match="^a.yaml: .*passes"):
        build_recipe(with_new_names(options), "a.yaml")


def test_results_tell_the_new_name_alone():
    told = describe_attack(Attack(perturbation=TypoPerturbation(), search=GreedySearch(sweeps=3)))["search"]
    assert told["sweeps"] == 3 and "passes" not in told

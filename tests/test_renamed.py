"""What earlier versions wrote under other names is read, and is the same."""

import json
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from jsonargparse import ArgumentParser

from xltrobust.bounded_yaml import bounded_configurations
from xltrobust.cli import FitCLI
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


@pytest.mark.filterwarnings("ignore:LightningCLI")
def test_fit_takes_the_configuration_of_a_run_whose_alignment_was_trained_before_the_task(tmp_path):
    text = (DOCS / "parallel/both/seed-0/config.yaml").read_text(encoding="utf8")
    assert "before: 0.0" in text
    (tmp_path / "config.yaml").write_text(text.replace("before: 0.0", "before: 0.3"), encoding="utf8")
    arguments = [f"--config={tmp_path / 'config.yaml'}", f"--run_dir={tmp_path / 'run'}", "--print_config"]
    with bounded_configurations(), patch("sys.stdout", StringIO()) as printed, pytest.raises(SystemExit):
        FitCLI(arguments)
    for config in (yaml.safe_load(printed.getvalue()), RunFolder(tmp_path).options):
        callbacks = [own for own in config["trainer"]["callbacks"] if own["class_path"].endswith("Alignment")]
        assert callbacks and all(own["init_args"]["pretraining_share"] == 0.3 for own in callbacks)
        assert not any("before" in own["init_args"] for own in callbacks)


@pytest.mark.parametrize("name", ["quickstart", "sib200", "parallel/none/seed-0"])
def test_validation_on_the_targets_was_on_or_off_in_earlier_runs(name):
    text = (DOCS / name / "config.yaml").read_text(encoding="utf8")
    folder = RunFolder(DOCS / name)
    arguments = folder.options["data"]["init_args"]
    assert arguments["validate_targets"] == (1 if "oracle: true" in text else 0) and "oracle" not in arguments
    assert arguments["max_train_examples"] is None and "limit_train_examples" in text
    # What an earlier run says is what the present configuration of the same run says.
    folder.check_config(yaml.safe_dump(folder.options))
    # What is reported of the targets' dev sets makes no other run, what is trained on does.
    folder.check_config(yaml.safe_dump(folder.options | {"data": {"init_args": {"validate_targets": 5}}}))
    with pytest.raises(UserError, match="max_train_examples"):
        folder.check_config(yaml.safe_dump(folder.options | {"data": {"init_args": {"max_train_examples": 5}}}))


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

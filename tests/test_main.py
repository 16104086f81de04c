"""``xltrobust COMMAND``: quick to start, and each command as ``python -m`` with its module runs it."""

from __future__ import annotations

import configparser
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import run_command, write_tiny_config, write_tiny_pairs
from xltrobust.__main__ import COMMANDS

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "pytorch_lightning", "numpy", "pandas", "pyarrow", "jsonargparse", "matplotlib")


def xltrobust(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """Runs the command as the script does that pip writes: with its own folder, not the current one, in the path."""
    code = "import sys; from xltrobust.__main__ import main; sys.path = [p for p in sys.path if p]; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd or ROOT)


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_names_every_command_and_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from xltrobust.__main__ import main\n"
        f"sys.argv[1:] = {arguments}\n"
        "try: main()\n"
        f"except SystemExit as end: print(end.code, set({HEAVY}) & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert done.stdout.endswith("0 set()\n")
    assert all(f"    {name} " in done.stdout for name in COMMANDS)


def test_the_script_and_the_commands_are_there() -> None:
    options = configparser.ConfigParser()
    options.read(ROOT / "setup.cfg")
    name, _, target = options["options.entry_points"]["console_scripts"].strip().partition(" = ")
    module, _, function = target.partition(":")
    assert name == "xltrobust" and callable(getattr(importlib.import_module(module), function))
    for module, _ in COMMANDS.values():
        package = importlib.import_module(module)
        command = importlib.import_module(f"{module}.__main__") if hasattr(package, "__path__") else package
        assert callable(command.main) and callable(command.command)


def test_errors_are_one_line_with_the_commands_name() -> None:
    done = xltrobust("report", "nowhere")
    assert done.returncode == 2 and done.stderr.startswith("report: nowhere/results.json: not found")
    done = xltrobust("fly")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "'fly'" in done.stderr and "attack" in done.stderr


def test_a_command_is_the_main_module_and_finds_modules_of_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "own_main.py").write_text(
        "import sys, __main__\nprint(__main__.__spec__.name, *sys.argv[1:], file=sys.stderr)\n"
    )
    done = xltrobust("list", "goals", "--module", "own_main", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # Lightning starts a training's further processes with `python -m` and these.
    assert done.stderr.split() == ["xltrobust.catalogue", "goals", "--module", "own_main"]
    assert "Targeted" in done.stdout


def test_names_of_classes_are_enough(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, write_tiny_pairs(tmp_path / "p.tsv"))
    options = yaml.safe_load(config.read_text())
    options["trainer"]["callbacks"] = [
        "SentenceAlignment",
        {"class_path": "AlignmentDiagnostics"},
        "VirtualAdversarial",
    ]
    options["data"]["class_path"] = "LocalClassification"
    options["data"]["init_args"]["parallel"]["bitexts"][0]["class_path"] = "PairTable"
    options["data"]["init_args"]["parallel"]["aligner"]["class_path"] = "StatisticalAligner"
    options["adversarial"]["attacks"]["typo"] = {"perturbation": "TypoPerturbation", "search": "RandomSearch"}
    config.write_text(yaml.safe_dump(options))
    printed = yaml.safe_load(run_command("fit", "--config", config, "--print_config").stdout)
    paths = [own["class_path"] for own in printed["trainer"]["callbacks"]]
    assert [path.rpartition(".")[2] for path in paths] == [
        "SentenceAlignment", "AlignmentDiagnostics", "VirtualAdversarial",
    ]  # fmt: skip
    assert paths[0] == "xltrobust.regularizers.SentenceAlignment"
    assert printed["data"]["class_path"] == "xltrobust.datamodules.LocalClassification"
    typo = printed["adversarial"]["attacks"]["typo"]
    assert typo["perturbation"]["class_path"] == "xltrobust.perturb.TypoPerturbation"


def test_the_help_of_a_class_is_found_by_its_name() -> None:
    done = run_command("fit", "--trainer.callbacks.help", "SentenceAlignment")
    lines = done.stdout.splitlines()
    assert lines[0] == "usage: xltrobust fit [--config FILE ...] [--SECTION.OPTION VALUE ...]"
    assert (
        "xltrobust.regularizers.SentenceAlignment" in done.stdout and "--trainer.callbacks.temperature" in done.stdout
    )
    assert "(type: float, default: 0.1)" in done.stdout

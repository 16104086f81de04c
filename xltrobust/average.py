"""``python -m xltrobust.average RUN RUN … --output DIR``: the mean of the weights of runs that differ in their seed."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xltrobust.command import run_command
from xltrobust.errors import OneLineParser, UserError
from xltrobust.files import atomic_directory, check_folder
from xltrobust.runs.folder import RunFolder, differences

_DESCRIPTION = (
    "Average the tested weights of runs that differ in nothing but their seed and share their head's initial weights "
    "(model.head_seed), and test the mean like a run."
)
# In these, runs may differ: what is compared is how the weights came about.
_FREE = ("run_dir", "seed_everything", "test_checkpoint", "test_weights", "trainer.logger", "wandb")


def main(arguments: Sequence[str]) -> None:
    """Averages the tested weights of runs (Schmidt, Vulić & Glavaš 2023), and tests the mean like a run.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust average", description=_DESCRIPTION)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of finished runs, at least two")
    parser.add_argument("--output", required=True, metavar="DIR", help="the mean's run folder; must not exist")
    options = parser.parse_args(list(arguments))
    output = Path(options.output)
    average([RunFolder(run) for run in options.runs], output)
    from xltrobust.fit import main as fit

    try:
        fit(["--config", str(RunFolder(output).config)])
    except UserError:
        shutil.rmtree(output)
        raise


def average(runs: Sequence[RunFolder], output: Path) -> None:
    """Writes a run folder with the mean of the runs' tested weights, whole or not at all; it is not tested yet.

    Its configuration is the first run's, on one device, with the mean as ``test_checkpoint``: ``fit`` tests it.

    Args:
        runs: finished runs, at least two.
        output: must not exist.

    Raises:
        UserError: if the runs differ in more than their seed, or do not share their head's initial weights; or a file
            is missing or damaged.
    """
    if output.exists():
        raise UserError(
            f"{output} exists already: name a folder to be made (if it was stopped before its test had ended, "
            f"`xltrobust fit --config {output}/config.yaml` goes on)."
        )
    check_folder(output, "--output")
    check_runs(runs)
    import torch
    import yaml

    checkpoint = mean_checkpoint(runs)
    folder = RunFolder(output)
    config = runs[0].options | {"run_dir": str(output), "test_checkpoint": str(folder.averaged)}
    config["trainer"] = config["trainer"] | {"devices": 1, "num_nodes": 1, "strategy": "auto"}
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    with atomic_directory(output) as temporary:
        own = RunFolder(temporary)
        own.checkpoints.mkdir()
        own.averaged.write_bytes(buffer.getbuffer())
        own.config.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf8")


def check_runs(runs: Sequence[RunFolder]) -> None:
    """Refuses runs whose mean would mean nothing.

    Raises:
        UserError: naming the run and the option in which it differs.
    """
    paths = [run.path.resolve() for run in runs]
    if len(set(paths)) < 2 or len(set(paths)) < len(paths):
        raise UserError(f"expected at least two different runs, but got {', '.join(str(run.path) for run in runs)}.")
    first = runs[0]
    for run in runs:
        if run.option("model", dict).get("head_seed") is None:
            raise UserError(
                f"{run.path}: its head's initial weights are of the run's own seed, so that its weights have no mean "
                "with another's: train all runs with the same --model.head_seed."
            )
        for name, *values in differences(first.options, run.options):
            if not name.startswith(_FREE):
                before, now = (str(value)[:80] for value in values)
                raise UserError(
                    f"{run.path} differs from {first.path} in more than the seed ({name}: {now}, not {before}): "
                    "average runs of one configuration."
                )
        for name in ("labels", "encoder"):
            if run.recorded(name) != first.recorded(name):
                raise UserError(f"{run.path} differs from {first.path} in its {name}: average runs of one task.")
    kinds = [_kind(run) for run in runs]
    for run, kind in zip(runs, kinds, strict=True):
        if kind != kinds[0]:
            raise UserError(
                f"{run.path} tested its {kind} weights, but {first.path} its {kinds[0]} ones: average weights of one "
                "kind (--test_weights)."
            )
    seeds = [run.recorded("seed") for run in runs]
    if len(set(seeds)) < len(seeds):
        raise UserError(f"the runs' seeds are {', '.join(map(str, seeds))}: average runs of different seeds.")


def mean_checkpoint(runs: Sequence[RunFolder]) -> dict[str, Any]:
    """A checkpoint with the mean of the runs' tested weights, and the sum of what their trainings cost.

    Raises:
        UserError: if a checkpoint is missing or damaged, or the weights are not of the same shapes.
    """
    import torch

    from xltrobust.reading import check_checkpoint, checkpoint_errors
    from xltrobust.runs.averaging import mean_weights

    stored = []
    for run in runs:
        check_checkpoint(run.checkpoint)
        with checkpoint_errors(run.checkpoint):
            stored.append(torch.load(run.checkpoint, map_location="cpu", weights_only=True, mmap=True))
    shapes = [{name: weights.shape for name, weights in each["state_dict"].items()} for each in stored]
    for run, own in zip(runs, shapes, strict=True):
        if own != shapes[0]:
            raise UserError(f"{run.checkpoint}: its weights have other names or shapes than {runs[0].checkpoint}'s.")
    states = [each["state_dict"] for each in stored]
    left_out = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "averaging", "gradient_shares")
    checkpoint = {name: value for name, value in stored[0].items() if name not in left_out}
    checkpoint["state_dict"] = mean_weights(states)
    if all("passes" in each for each in stored):
        checkpoint["passes"] = _sum_of_costs([each["passes"] for each in stored])
    for name, state in checkpoint.items():
        if isinstance(state, dict) and "pair_visits" in state:  # the data module's
            checkpoint[name] = state | {"pair_visits": _sum_of_visits([each[name]["pair_visits"] for each in stored])}
    seeds = [run.recorded("seed") for run in runs]
    checkpoint["averaging"] = {"weights": _kind(runs[0]), "seeds": seeds}
    return checkpoint


def _sum_of_costs(costs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = [cost["counts"] for cost in costs]
    total = costs[0] | {"counts": [sum(kind) for kind in zip(*counts, strict=True)]}
    for name in ("task_steps", "task_examples"):
        total.pop(name, None)
        if all(name in cost for cost in costs):
            total[name] = sum(cost[name] for cost in costs)
    return total


def _sum_of_visits(visits: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return visits[0] | {"counts": sum(own["counts"].int() for own in visits)}


def _kind(run: RunFolder) -> str:
    return str(run.recorded("checkpoint").get("weights") or run.checkpoint.stem)


def command() -> None:
    """The shell's entry point."""
    run_command("average", main)


if __name__ == "__main__":
    command()

"""How far does a figure move that should stay? One training tested with several weights, over seeds and processors.

``run`` trains one cell and tests its best, last and averaged weights; cells that are there already are left alone.
``tables`` prints, for every arm, length and kind of weights, the mean and the spread over seeds.

    for seed in 0 1 2 3 4 5; do python benchmarks/stability.py run plain 5 $seed --output runs/stability; done
    python benchmarks/stability.py tables runs/stability
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scipy import stats

ARMS = {"plain": None, "code_switching": "experiments/parallel/word_code_switching.yaml"}
AVERAGED = {5: 3, 10: 5}  # passes: moments whose weights are averaged, of the last ones
WEIGHTS = ("best", "last", "averaged")


def run(arm: str, passes: int, seed: int, output: Path) -> None:
    """Trains one cell with the weights of its last five epochs kept, and tests it three times.

    Ten passes validate the targets after every second epoch only, which takes less time and changes no training.
    """
    from xltrobust.fit import main as fit

    folder = output / f"{arm}-{passes}" / instructions() / f"seed-{seed}"
    fragments = ["experiments/studies/stability.yaml", ARMS[arm]]
    options = [option for path in fragments if path for option in ("--config", path)]
    options += ["--run_dir", str(folder / "last"), "--seed_everything", str(seed), "--test_weights", "last"]
    options += ["--model.max_passes", str(passes)]
    fit(options + (["--data.init_args.validate_targets", "2"] if passes == 10 else []))
    checkpoints = folder / "last/checkpoints"
    tested = {"best": checkpoints / "best.ckpt", "averaged": _mean_of_last(AVERAGED[passes], checkpoints)}
    for name, path in tested.items():
        config = str(folder / "last/config.yaml")
        fit(["--config", config, "--run_dir", str(folder / name), "--test_checkpoint", str(path)])


def instructions() -> str:
    """The vector instructions that torch uses here; ATEN_CPU_CAPABILITY=avx2 has it use those of another processor."""
    import torch

    return torch.backends.cpu.get_cpu_capability().lower()


def _mean_of_last(count: int, checkpoints: Path) -> Path:
    """The checkpoint that ``--averaging.last count`` would have written: all five moments are in ``last.ckpt``."""
    import torch

    from xltrobust.runs.averaging import mean_weights

    path = checkpoints / f"averaged-{count}.ckpt"
    if not path.exists():
        checkpoint = torch.load(checkpoints / "averaged.ckpt", map_location="cpu", weights_only=True)
        state = torch.load(checkpoints / "last.ckpt", map_location="cpu", weights_only=True, mmap=True)
        moments = next(own for name, own in state["callbacks"].items() if name.startswith("CheckpointAveraging"))
        checkpoint["state_dict"].update(mean_weights(moments["kept"][-count:]))
        checkpoint["averaging"]["steps"] = moments["steps"][-count:]
        torch.save(checkpoint, path)
    return path


class Cell(NamedTuple):
    """The figures of one training tested with one kind of weights."""

    group: str  # arm and passes
    instructions: str
    seed: int
    weights: str
    target: float  # mean accuracy of the target languages
    source: float
    oracle_gap: float | None  # on the targets' dev sets: the best epoch's accuracy minus that of the chosen one


def read(folder: Path) -> list[Cell]:
    """All finished tests under a folder."""
    cells = []
    for path in sorted(folder.glob("*/*/seed-*/*/results.json")):
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
        group, kind, _, weights = path.parts[-5:-1]
        figures, oracle = results["figures"], results.get("oracle") or {}
        gap = None
        if weights == "best" and "chosen_target_dev_acc" in oracle:  # the chosen epoch may not have validated targets
            gap = oracle["best_target_dev_acc"] - oracle["chosen_target_dev_acc"]
        source = figures[f"test/acc/{results['source']}"]
        cells.append(Cell(group, kind, results["seed"], weights, figures["test/acc/avg"], source, gap))
    return cells


def tables(cells: Sequence[Cell]) -> str:
    """Markdown: the spread over seeds, its comparison with the best epoch's, and two sets of instructions."""
    lines = ["| arm, passes | weights | seeds | target mean | standard deviation [95 %] | lowest–highest | source |"]
    lines.append("|---|---|--:|--:|--:|--:|--:|")
    main = instructions_of_most(cells)
    for group in dict.fromkeys(cell.group for cell in cells):
        for weights in WEIGHTS:
            own = [cell for cell in cells if (cell.group, cell.instructions, cell.weights) == (group, main, weights)]
            if len(own) < 2:
                continue
            values = [100 * cell.target for cell in own]
            deviation, low, high = deviation_interval(values)
            lines.append(
                f"| {group.replace('-', ', ')} | {weights} | {len(own)} | {statistics.mean(values):.1f} | "
                f"{deviation:.2f} [{low:.2f}, {high:.2f}] | {min(values):.1f}–{max(values):.1f} | "
                f"{100 * statistics.mean(cell.source for cell in own):.1f} |"
            )
    lines += [
        "",
        "| arm, passes | weights | minus best, seed by seed [95 %] | spread against best's | p, equal spread |",
    ]
    lines.append("|---|---|--:|--:|--:|")
    for group in dict.fromkeys(cell.group for cell in cells):
        lines += _against_best(group, [cell for cell in cells if (cell.group, cell.instructions) == (group, main)])
    lines += ["", "| arm, passes | seeds | oracle gap of the best epoch by source, on dev sets |", "|---|--:|--:|"]
    for group in dict.fromkeys(cell.group for cell in cells):
        gaps = [
            100 * cell.oracle_gap
            for cell in cells
            if cell.group == group and cell.instructions == main and cell.oracle_gap is not None
        ]
        if gaps:
            lines.append(
                f"| {group.replace('-', ', ')} | {len(gaps)} | {statistics.mean(gaps):.1f} (up to {max(gaps):.1f}) |"
            )
    return "\n".join([*lines, *_two_processors(cells, main), ""])


def instructions_of_most(cells: Sequence[Cell]) -> str:
    """The instructions that most cells ran with."""
    kinds = [cell.instructions for cell in cells]
    return max(set(kinds), key=kinds.count)


def deviation_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The standard deviation with its 95 % interval, from the chi-squared distribution: seeds taken as normal."""
    deviation, freedom = statistics.stdev(values), len(values) - 1
    low, high = (deviation * math.sqrt(freedom / stats.chi2.ppf(share, freedom)) for share in (0.975, 0.025))
    return deviation, low, high


def equal_spread(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The p-value of the Pitman–Morgan test that two paired samples have the same variance."""
    sums = [a + b for a, b in zip(ours, theirs, strict=True)]
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    return float(stats.pearsonr(sums, differences).pvalue)


def _against_best(group: str, cells: Sequence[Cell]) -> list[str]:
    by_weights = {name: {cell.seed: 100 * cell.target for cell in cells if cell.weights == name} for name in WEIGHTS}
    lines = []
    for name in WEIGHTS[1:]:
        seeds = sorted(by_weights["best"].keys() & by_weights[name].keys())
        if len(seeds) < 3:
            continue
        best, own = ([by_weights[kind][seed] for seed in seeds] for kind in ("best", name))
        differences = [a - b for a, b in zip(own, best, strict=True)]
        half = stats.t.ppf(0.975, len(seeds) - 1) * statistics.stdev(differences) / math.sqrt(len(seeds))
        mean = statistics.mean(differences)
        lines.append(
            f"| {group.replace('-', ', ')} | {name} | {mean:+.1f} [{mean - half:+.1f}, {mean + half:+.1f}] | "
            f"× {statistics.stdev(own) / statistics.stdev(best):.2f} | {equal_spread(own, best):.2f} |"
        )
    return lines


def _two_processors(cells: Sequence[Cell], main: str) -> list[str]:
    """The same seeds under other vector instructions: how far one seed's figure moves."""
    others = sorted({cell.instructions for cell in cells} - {main})
    lines: list[str] = []
    for other in others:
        lines += ["", f"| arm, passes | weights | seeds | {main} | {other} | mean size of a seed's move | largest |"]
        lines.append("|---|---|--:|--:|--:|--:|--:|")
        for group in dict.fromkeys(cell.group for cell in cells if cell.instructions == other):
            for weights in WEIGHTS:
                found = [
                    {
                        cell.seed: 100 * cell.target
                        for cell in cells
                        if (cell.group, cell.instructions, cell.weights) == (group, kind, weights)
                    }
                    for kind in (main, other)
                ]
                seeds = sorted(found[0].keys() & found[1].keys())
                if not seeds:
                    continue
                ours, theirs = ([values[seed] for seed in seeds] for values in found)
                moves = [abs(a - b) for a, b in zip(ours, theirs, strict=True)]
                lines.append(
                    f"| {group.replace('-', ', ')} | {weights} | {len(seeds)} | {statistics.mean(ours):.1f} | "
                    f"{statistics.mean(theirs):.1f} | {statistics.mean(moves):.1f} | {max(moves):.1f} |"
                )
    return lines


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="train and test one cell")
    one.add_argument("arm", choices=list(ARMS))
    one.add_argument("passes", type=int, choices=list(AVERAGED))
    one.add_argument("seed", type=int)
    one.add_argument("--output", type=Path, required=True)
    commands.add_parser("tables", help="print the tables").add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.command == "run":
        run(given.arm, given.passes, given.seed, given.output)
    else:
        print(tables(read(given.folder)), end="")


if __name__ == "__main__":
    main()

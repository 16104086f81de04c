"""Accuracy by the radius of a regularizer's ball, from finished runs.

    python benchmarks/radius_curve.py RUN [RUN …] --baseline RUN --markdown FILE --picture FILE

A radius may be chosen by accuracy on the source dev set, clean and under the attacks tried during training. The target
languages' test accuracy is drawn beside it for information only.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

PREFIX = "source_adv_acc/"


def figures(run: Path) -> dict[str, float]:
    """Source dev accuracy, clean (best epoch) and mean under attack (last attacked epoch); test means of targets."""
    results = json.loads((run / "results.json").read_text(encoding="utf8"))
    epochs = results["checkpoint"]["validation"]
    attacked = [epoch for epoch in epochs if any(name.startswith(PREFIX) for name in epoch)][-1]
    dev = [value for name, value in attacked.items() if name.startswith(PREFIX)]
    test = [value for name, value in results["figures"].items() if name.startswith("test/adv_acc/") and _is_mean(name)]
    return {
        "source dev": max(epoch["source_acc"] for epoch in epochs),
        "source dev, attacked": sum(dev) / len(dev),
        "targets, test": results["figures"]["test/acc/avg"],
        "targets, test, attacked": sum(test) / len(test),
    }


def _is_mean(name: str) -> bool:
    return name.endswith("/avg") and "/worst/" not in name


def radius(run: Path) -> tuple[str, float]:
    """The class of the regularizer that has a ball, and its radius."""
    regularizers: dict[str, Any] = json.loads((run / "results.json").read_text(encoding="utf8"))["regularizers"]
    return next((part["class"], part["ball"]["epsilon"]) for part in regularizers.values() if "ball" in part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--baseline", type=Path, required=True, help="the run without a regularizer: radius 0")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    curves: dict[str, dict[float, dict[str, float]]] = defaultdict(lambda: {0.0: figures(given.baseline)})
    for run in given.runs:
        name, epsilon = radius(run)
        curves[name][epsilon] = figures(run)
    columns = list(figures(given.baseline))
    lines = [f"| | radius | {' | '.join(columns)} |", "|---|---:|" + "---:|" * len(columns)]
    for name, curve in curves.items():
        for epsilon in sorted(curve):
            cells = " | ".join(f"{100 * curve[epsilon][column]:.1f}" for column in columns)
            lines.append(f"| {name} | {epsilon:g} | {cells} |")
    print("\n".join(lines))
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n", encoding="utf8")
    if given.picture:
        draw(curves, columns, given.picture)


def draw(curves: dict[str, dict[float, dict[str, float]]], columns: list[str], path: Path) -> None:
    """One panel per regularizer; radii are evenly spaced, and 0 comes first."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(curves), figsize=(5 * len(curves), 3.6), sharey=True, squeeze=False)
    for axis, (name, curve) in zip(axes[0], curves.items(), strict=True):
        radii = sorted(curve)
        for column in columns:
            style = "--" if column.startswith("targets") else "-"
            axis.plot(range(len(radii)), [100 * curve[r][column] for r in radii], style, marker="o", label=column)
        axis.set_xticks(range(len(radii)), [f"{r:g}" for r in radii])
        axis.set_title(name)
        axis.set_xlabel("radius, in mean norms of a token embedding")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("accuracy, %")
    axes[0][-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(0.02, 0.77))
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()

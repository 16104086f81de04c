"""Training and attacks from Python, in a few lines; the same runs and files as the commands'."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltrobust.errors import UserError
from xltrobust.runs.folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from xltrobust.report import ReportPaths


class Results:
    """What a folder holds: a run's results, or those of attacks on a classifier from elsewhere.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def results(self) -> dict[str, Any]:
        """``results.json``.

        Raises:
            UserError: if there is none, or it is damaged.
        """
        return RunFolder(self.path).finished

    def summary(self) -> pd.DataFrame:
        """Accuracy in percent: a row a language and average, a column for clean texts, each attack, ``robust`` (the
        attacks of a suite) and ``worst`` (all attacks).

        Beside each attack, ``ATTACK (clean)`` is clean accuracy on the examples that it attacked. Where an
        attack was not tried on a language, its values are NaN. For confidence intervals see :meth:`figures`.
        """

        figures = self.figures()
        known = figures[figures["metric"].isin(["accuracy", "accuracy_before"])].copy()
        clean = known["metric"] == "accuracy_before"
        known["column"] = known["condition"].where(~clean, known["condition"] + " (clean)")
        conditions = list(dict.fromkeys(known["condition"]))
        columns = [name for condition in conditions for name in (f"{condition} (clean)", condition)]
        table = known.pivot_table(index="language", columns="column", values="value", sort=False) * 100
        ordered: pd.DataFrame = table.reindex(
            index=list(dict.fromkeys(known["language"])), columns=[name for name in columns if name in table]
        )
        return ordered.rename_axis(columns=None)

    def figures(self) -> pd.DataFrame:
        """Every figure with its confidence interval: see :func:`~xltrobust.report.tidy.to_frame`."""
        from xltrobust.report import build_report
        from xltrobust.report.tidy import to_frame

        return to_frame(build_report([str(self.path)]))

    def to_pandas(self) -> pd.DataFrame:
        """``predictions.parquet``: a row for each example and condition, with the adversarial text."""
        import pandas as pd

        return pd.read_parquet(RunFolder(self.path).predictions)

    def report(self, folder: str | Path | None = None) -> ReportPaths:
        """Writes the report.

        Args:
            folder: where to; None takes ``report`` in the results' folder.
        """
        from xltrobust.report import build_report, write_report

        return write_report(build_report([str(self.path)]), None if folder is None else str(folder))


def part(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A task, regularizer, perturbation … by its class, as configurations name it.

    Args:
        name: of a class that the package exports, or the path of one of your own (``my_module.MyTask``).
        arguments: of its constructor.
    """
    return {"class_path": name, "init_args": arguments}


def fit(
    config: str | Path | Sequence[str | Path] = (),
    *,
    run_dir: str | Path,
    data: Mapping[str, Any] | None = None,
    regularizers: Iterable[str | Mapping[str, Any]] = (),
    attacks: Iterable[str] | Mapping[str, Any] = (),
    max_epochs: int | None = None,
    quiet: bool = False,
    **sections: Mapping[str, Any] | int | str,
) -> Results:
    """Trains in the source language and tests in all, as ``xltrobust fit``; a run that has finished is not run again.

    Args:
        config: YAML files, later ones on top of earlier ones.
        run_dir: the run's folder.
        data: the task: ``part("LocalClassification", data_dir="reviews", source="en", languages=["de"])``.
        regularizers: callbacks by name or as :func:`part`.
        attacks: names of attacks that come with the package or of YAML files; or attacks as mappings, by name.
        max_epochs: how long to train; None leaves it to the configuration.
        quiet: do not print the report.
        sections: other options as configurations have them: ``model={"encoder": …}``, ``trainer={…}``,
            ``seed_everything=1``.

    Raises:
        UserError: on whatever the caller can put right, in one line.
    """
    from xltrobust.fit import main

    _check_list("regularizers", regularizers)
    files = [config] if isinstance(config, str | Path) else list(config)
    arguments = [f"--config={file}" for file in files] + [f"--run_dir={run_dir}"]
    if data is not None:
        arguments += _options("data", data)
    if max_epochs is not None:
        arguments.append(f"--trainer.max_epochs={max_epochs}")
    for name, section in sections.items():
        arguments += _options(name, section)
    for regularizer in regularizers:
        chosen = part(regularizer) if isinstance(regularizer, str) else regularizer
        arguments.append(f"--trainer.callbacks+={_json(chosen)}")
    if attacks := _attacks(attacks):
        arguments.append(f"--adversarial.attacks={_json(attacks)}")
    _run(main, arguments, quiet)
    return Results(run_dir)


def attack(victim: str | Path, *, attacks: Iterable[str] = (), quiet: bool = False, **options: Any) -> Results:
    """Attacks a finished run, or a classifier from the hub or a directory, as ``xltrobust attack``.

    Args:
        victim: the run's folder, or the classifier's name or directory.
        attacks: names of attacks that come with the package, or of YAML files.
        quiet: do not print the report.
        options: of the command: ``suite="standard-1"``, ``languages``, ``max_examples``, ``seed``, ``output``, …; for a
            classifier ``data="reviews.tsv", text="review", label="stars", language="lang"``; None and False leave an
            option at its default, and True gives it without a value (``similarity=True``).

    Raises:
        UserError: on whatever the caller can put right, in one line.
    """
    from xltrobust.attack import main, output_of

    _check_list("attacks", attacks)
    what = "run" if RunFolder(victim).results.exists() else "model"
    arguments = [f"--{what}={victim}", *(f"--attack={name}" for name in attacks)]
    for name, value in options.items():
        if value is None or value is False:
            continue  # the command's default
        one = isinstance(value, str | int | float | Path)
        values = [] if value is True else [value] if one else list(value)
        arguments += [f"--{name}", *map(str, values)]
    folder = output_of(arguments)
    _run(main, arguments, quiet)
    return Results(folder)


def _check_list(argument: str, names: Any) -> None:
    if isinstance(names, str):
        raise UserError(f"{argument}: expected a list of names, but got the text {names!r}; write [{names!r}].")


def _run(main: Any, arguments: list[str], quiet: bool) -> None:
    with redirect_stdout(StringIO()) if quiet else nullcontext():
        main(arguments)


def _options(name: str, section: Any) -> list[str]:
    """Options of a section as a shell gives them: nested options by dotted names, values in JSON."""
    if not isinstance(section, Mapping):
        return [f"--{name}={_value(section)}"]
    given = dict(section)
    arguments = given.pop("init_args", None)
    found = []
    if (class_path := given.pop("class_path", None)) is not None:
        found.append(f"--{name}={class_path}")
    for key, value in given.items():
        found += _options(f"{name}.{key}", value)
    for key, value in (arguments or {}).items():
        found.append(f"--{name}.init_args.{key}={_value(value)}")
    return found


def _value(value: Any) -> str:
    return os.fspath(value) if isinstance(value, str | os.PathLike) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, default=os.fspath)  # paths, anywhere within it


def _attacks(attacks: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """The options of attacks, by name."""
    from xltrobust.evaluation.attack_recipes import attacks_of_names

    if isinstance(attacks, Mapping):
        return dict(attacks)
    _check_list("attacks", attacks)
    return attacks_of_names(attacks)

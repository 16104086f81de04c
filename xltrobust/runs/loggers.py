"""Loggers of a run's curves: CSV files, and W&B, which can neither block nor fail a run."""

from __future__ import annotations

import json
import netrc
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only, rank_zero_warn

if TYPE_CHECKING:
    import pandas as pd

_INIT_SECONDS = 30
_ID = ".wandb-id"  # in a run's folder
_LONGEST = {"group": 128, "tags": 64}  # characters that W&B takes
_RESULTS = ("test/",)  # figures that are no curves


@dataclass
class WandbOptions:
    """Where W&B keeps a run, and how it is found there; nothing of it changes the run.

    Args:
        project: W&B's project.
        entity: user or team; None is the user's default.
        group: runs to show as one; None groups those whose configurations differ in the seed alone.
        job_type: None is ``fit``, or ``test`` where a checkpoint is only tested.
        tags: None are the task, the encoder, the regularizers and the attacks.
    """

    project: str = "xltrobust"
    entity: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: list[str] | None = None


def wandb_mode() -> str:
    """``WANDB_MODE`` if it is set, else ``online`` if the user is logged in, else ``offline``. Never prompts.

    >>> import os; os.environ["WANDB_MODE"] = "offline"; wandb_mode()
    'offline'
    """
    if mode := os.environ.get("WANDB_MODE"):
        return mode
    if os.environ.get("WANDB_API_KEY"):
        return "online"
    host = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").split("//")[-1].split("/")[0]
    try:
        known = netrc.netrc().authenticators(host)
    except (OSError, netrc.NetrcParseError):
        known = None
    return "online" if known else "offline"


class PatientWandbLogger(WandbLogger):
    """W&B that falls back to offline, and then to nothing, rather than block or fail a run.

    A resumed run continues the same W&B run, whose id is kept in the folder.

    Args:
        run_dir: the run's folder.
        project: W&B's project.
        kwargs: passed to ``wandb.init``.
    """

    def __init__(self, run_dir: str, project: str = "xltrobust", **kwargs: Any) -> None:
        self._run_dir = Path(run_dir)
        self._gone = False
        # Tells the training's cost so far, in plain passes over the training set: what curves are drawn over.
        self.passes: Callable[[], float] | None = None
        super().__init__(name=self._run_dir.name, save_dir=run_dir, project=project, offline=False, **kwargs)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        if self._experiment is None:
            self._experiment = self._start()
        return self._experiment

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:  # type: ignore[override]
        if results := {name: value for name, value in metrics.items() if name.startswith(_RESULTS)}:
            self.log_summary(results)
        elif self.passes is not None:
            self._attempt(super().log_metrics, {**metrics, "passes": self.passes()}, step)
        else:
            self._attempt(super().log_metrics, metrics, step)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        self._attempt(super().log_hyperparams, *args, **kwargs)

    def log_table(self, *args: Any, **kwargs: Any) -> None:
        self._attempt(super().log_table, *args, **kwargs)

    @rank_zero_only
    def log_config(self, config: Mapping[str, Any]) -> None:
        """Adds to the run's configuration, which W&B groups and filters by."""
        self._attempt(lambda: self.experiment.config.update(_plain(config), allow_val_change=True))

    @rank_zero_only
    def log_summary(self, figures: Mapping[str, float]) -> None:
        """Adds figures to the run's summary: single values, which are no curves."""
        self._attempt(lambda: self.experiment.summary.update(dict(figures)))

    @rank_zero_only
    def log_once(self, tables: Mapping[str, pd.DataFrame], pictures: Mapping[str, Path]) -> None:
        """Adds tables, and the pictures that exist; a later one of the same name takes its place in the workspace."""

        def log() -> None:
            import wandb

            shown: dict[str, Any] = {name: wandb.Table(dataframe=table) for name, table in tables.items() if len(table)}
            shown |= {name: wandb.Image(str(path)) for name, path in pictures.items() if path.exists()}
            if shown:
                self.experiment.log(shown if self.passes is None else shown | {"passes": self.passes()})

        self._attempt(log)

    def finalize(self, status: str) -> None:
        self._attempt(super().finalize, status)

    def _attempt(self, method: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Calls a method; after a first failure (such as a dead service) the run goes on without W&B."""
        if self._gone:
            return
        try:
            method(*args, **kwargs)
        except Exception as error:  # whatever it is, the run goes on
            self._gone = True
            rank_zero_warn(f"W&B failed, and the run goes on without it: {error}")

    def _start(self) -> Any:
        import wandb

        self._run_dir.mkdir(parents=True, exist_ok=True)
        options = {**self._wandb_init, "id": _kept_id(self._run_dir / _ID), "resume": "allow"}
        options.pop("anonymous", None)
        settings = wandb.Settings(init_timeout=_INIT_SECONDS, silent=True, console="off")
        for mode in dict.fromkeys([wandb_mode(), "offline"]):
            try:
                run = wandb.init(**(options | {"mode": mode, "settings": settings}))
                run.define_metric("passes")  # what methods are compared at; epoch is there too
                run.define_metric("*", step_metric="passes", step_sync=True)
                return run
            except Exception as error:  # whatever it is, the run goes on
                rank_zero_warn(f"W&B did not start ({mode}): {error}")
                if wandb.run is None or wandb.run.disabled:
                    wandb.teardown()  # or its service reserves the id for the run that failed
        return wandb.init(mode="disabled")


def _kept_id(path: Path) -> str:
    if not path.exists():
        path.write_text(secrets.token_hex(4))
    return path.read_text()


def default_loggers(run_dir: str, options: WandbOptions | None = None) -> list[Logger]:
    """The W&B and the CSV logger, which both write to the run's folder."""
    return [PatientWandbLogger(run_dir, **_for_wandb(options or WandbOptions())), CSVLogger(run_dir, name="csv")]


def logger_of(run_dir: Path, configuration: Mapping[str, Any]) -> PatientWandbLogger | None:
    """The logger that goes on with a finished run's own run of W&B; None if it had none.

    Args:
        run_dir: the run's folder.
        configuration: the run's.
    """
    if not (run_dir / _ID).exists():
        return None
    kept = {name: value for name, value in _wandb_section(configuration).items() if name in ("project", "entity")}
    return PatientWandbLogger(str(run_dir), **kept)


def _wandb_section(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The options that W&B was started with."""
    loggers = (configuration.get("trainer") or {}).get("logger")
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        if isinstance(logger, dict) and str(logger.get("class_path")).endswith(PatientWandbLogger.__name__):
            return logger.get("init_args") or {}
    return configuration.get("wandb") or {}


def _for_wandb(options: WandbOptions) -> dict[str, Any]:
    given = {name: value for name, value in asdict(options).items() if value is not None}
    if "group" in given:
        given["group"] = given["group"][: _LONGEST["group"]]
    if "tags" in given:
        given["tags"] = list(dict.fromkeys(tag[: _LONGEST["tags"]] for tag in given["tags"] if tag))
    return given


def _plain(value: Any) -> Any:
    """A value in types of JSON."""
    return json.loads(json.dumps(value, default=str))

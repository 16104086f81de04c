"""Loggers of a run's curves: CSV files, and W&B, which can neither block nor fail a run."""

from __future__ import annotations

import netrc
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_warn

_INIT_SECONDS = 30


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
        super().__init__(name=self._run_dir.name, save_dir=run_dir, project=project, offline=False, **kwargs)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        if self._experiment is None:
            self._experiment = self._start()
        return self._experiment

    def log_metrics(self, *args: Any, **kwargs: Any) -> None:
        self._attempt(super().log_metrics, *args, **kwargs)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        self._attempt(super().log_hyperparams, *args, **kwargs)

    def log_table(self, *args: Any, **kwargs: Any) -> None:
        self._attempt(super().log_table, *args, **kwargs)

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
        options = {**self._wandb_init, "id": _kept_id(self._run_dir / ".wandb-id"), "resume": "allow"}
        options.pop("anonymous", None)
        settings = wandb.Settings(init_timeout=_INIT_SECONDS, silent=True, console="off")
        for mode in dict.fromkeys([wandb_mode(), "offline"]):
            try:
                run = wandb.init(**(options | {"mode": mode, "settings": settings}))
                run.define_metric("trainer/global_step")
                run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
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


def default_loggers(run_dir: str) -> list[Logger]:
    """The W&B and the CSV logger, which both write to the run's folder."""
    return [PatientWandbLogger(run_dir), CSVLogger(run_dir, name="csv")]

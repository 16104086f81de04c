"""Messages of other packages that a user can do nothing about: the commands leave them out, unless asked for all."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

VERBOSE = ("-v", "--verbose")
VERBOSE_HELP = "show all that other packages report, too"

_LIGHTNING = (
    r"💡 Tip: ",  # advertisements for other products of Lightning
    r"(GPU|TPU|IPU|HPU) available: ",  # results.json says which machine was used
    r"-{9,}\ndistributed_backend=",  # a banner, once all devices have been found
    r"Trainer already configured with model summary ",  # by the command
    r"Loading `train_dataloader` to estimate ",  # how the learning rate schedule learns its length
    r"Loaded model weights from the checkpoint at ",  # after `Restoring states from …`, of the same file
)
# How the messages begin that are left out, by logger. Warnings and errors are never left out here.
_LOGGED: dict[str, Sequence[str]] = {
    "pytorch_lightning.utilities.rank_zero": _LIGHTNING,
    "lightning_fabric.utilities.rank_zero": _LIGHTNING,
    "pytorch_lightning.accelerators.cuda": (r"LOCAL_RANK: \d+ - CUDA_VISIBLE_DEVICES: ",),  # as above
    "lightning_fabric.utilities.seed": (r"(\[rank: \d+\] )?Seed set to ",),  # config.yaml holds it
    "lightning_fabric.utilities.distributed": (r"Initializing distributed: ",),  # of each device
}
# Warnings that are left out: how the message begins, which class it has, which module it is about.
_WARNED: Sequence[tuple[str, type[Warning], str]] = (
    # Lightning's use of PyTorch
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", Warning, r"pytorch_lightning\.utilities\._pytree"),
    # A run that goes on finds its own checkpoints
    (r"Checkpoint directory .* exists and is not empty", UserWarning, r"pytorch_lightning\."),
)


def without_verbose(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """A command's arguments without ``-v`` and ``--verbose``, and whether one of them was there.

    >>> without_verbose(["--config", "a.yaml", "-v"])
    (['--config', 'a.yaml'], True)
    """
    kept = [argument for argument in arguments if argument not in VERBOSE]
    return kept, len(kept) < len(arguments)


@contextmanager
def silence(verbose: bool = False) -> Iterator[None]:
    """Leaves out what nobody can act on, within its block only.

    Args:
        verbose: leave out nothing.
    """
    if verbose:
        yield
        return
    silencers = {logging.getLogger(name): _Silencer(beginnings) for name, beginnings in _LOGGED.items()}
    for logger, silencer in silencers.items():
        logger.addFilter(silencer)
    own = []
    for message, category, module in _WARNED:
        warnings.filterwarnings("ignore", message, category, module)
        own.append(warnings.filters[0])
    try:
        yield
    finally:
        for logger, silencer in silencers.items():
            logger.removeFilter(silencer)
        # Not by warnings.catch_warnings, which would undo what packages imported in the block have set too.
        for each in own:
            if each in warnings.filters:
                warnings.filters.remove(each)  # type: ignore[attr-defined]


class _Silencer(logging.Filter):
    """Drops the messages that begin in one of these ways."""

    def __init__(self, beginnings: Sequence[str]) -> None:
        super().__init__()
        self._pattern = re.compile("|".join(beginnings))

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or not self._pattern.match(record.getMessage())

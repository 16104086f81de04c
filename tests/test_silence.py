"""What nobody can act on is left out in a command, and only there; what somebody can act on stays."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path

import pytest

from conftest import run_command, write_tiny_config
from xltrobust.silence import silence, without_verbose

ADVERT = "💡 Tip: For seamless cloud logging and experiment tracking, try installing litlogger"
NOISE = (
    "litlogger", "LeafSpec", "GPU available", "TPU available", "Seed set to", "Loading `train_dataloader`", "FLOPs",
    "language_maps", "Loaded model weights",
)  # fmt: skip


@pytest.mark.parametrize("name", ["pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.rank_zero"])
def test_adverts_are_left_out_in_the_block_only(name: str, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger(name)
    caplog.set_level(logging.INFO, logger=name)
    logger.addHandler(caplog.handler)
    try:
        with silence():
            logger.info(ADVERT)
            logger.info("`Trainer.fit` stopped: `max_epochs=3` reached.")
            logger.warning("GPU available: True, and not used")
        with silence(verbose=True):
            logger.info("GPU available: False, used: False")
        logger.info(ADVERT)
    finally:
        logger.removeHandler(caplog.handler)
    said = list(dict.fromkeys(record.getMessage() for record in caplog.records))
    assert [message.split(":")[0] for message in said] == [
        "`Trainer.fit` stopped", "GPU available", "GPU available", "💡 Tip"
    ]  # fmt: skip


def test_a_warning_is_left_out_only_of_the_module_that_it_is_about() -> None:
    text = "`isinstance(treespec, LeafSpec)` is deprecated, use something else instead."
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        with silence():
            for module in ("pytorch_lightning.utilities._pytree", "somebody.elses"):
                warnings.warn_explicit(text, FutureWarning, "file.py", 1, module=module)
        assert warnings.filters == filters
    assert len(said) == 1
    assert warnings.filters == before


def test_the_option_is_taken_wherever_it_stands() -> None:
    assert without_verbose(["-v", "--a", "b"]) == without_verbose(["--a", "b", "--verbose"]) == (["--a", "b"], True)
    assert without_verbose(["--a", "-vb"]) == (["--a", "-vb"], False)


def test_fit_says_what_matters_and_everything_if_asked(tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    config = write_tiny_config(tmp_path / "config.yaml", tiny_encoder, tiny_task, max_epochs=1, logger=False)
    short = run_command("fit", "--config", config)
    said = short.stdout + short.stderr
    assert [noise for noise in NOISE if noise in said] == []
    assert "`Trainer.fit` stopped" in said
    assert re.search(r"encoder +BertModel +8\.5 K", said)
    whole = run_command("fit", "--config", config, "--run_dir", tmp_path / "whole", "--verbose")
    missing = [noise for noise in NOISE if noise not in whole.stdout + whole.stderr]
    assert missing == []
    assert (tmp_path / "whole/config.yaml").read_text() == (
        (tmp_path / "run/config.yaml").read_text().replace(str(tmp_path / "run"), str(tmp_path / "whole"))
    )

"""Which languages a validation covers, as Lightning goes through it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.example_table import Columns

EPOCHS = 6


def make_data(encoder: Path, task: Path, every: int, **options) -> LocalClassification:
    return LocalClassification(
        data_dir=str(task), tokenizer=str(encoder), source="en", languages=["de", "zh"], batch_size=40,
        columns=Columns(id="id"), eval_batch_tokens=512, validate_targets=every, **options,
    )  # fmt: skip


class Watching(pl.LightningModule):
    """Counts the examples of each loader in each validation, and notes whether Lightning knew its last batch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: dict[int, Counter[int]] = {}
        self.knew_the_last: list[bool] = []
        self.said: list[list[str]] = []

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch, _):
        return self.weight

    def on_validation_start(self):
        self.seen[self.current_epoch] = Counter()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.seen[self.current_epoch][dataloader_idx] += len(batch["labels"])

    def on_validation_end(self):
        self.knew_the_last.append(self.trainer.fit_loop.epoch_loop.val_loop.batch_progress.is_last_batch)
        self.said.append([each.name for each in self.trainer.datamodule.validated_now()])


def fitted(data: LocalClassification, **options) -> Watching:
    watching = Watching()
    trainer = pl.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, use_distributed_sampler=False, num_sanity_val_steps=0, **options,
    )  # fmt: skip
    trainer.fit(watching, datamodule=data)
    return watching


@pytest.mark.parametrize("every", [0, 1, 2, 4])
def test_the_source_is_validated_after_every_epoch_and_the_targets_after_every_nth(
    tiny_encoder: Path, tiny_task: Path, every: int
) -> None:
    watching = fitted(make_data(tiny_encoder, tiny_task, every))
    for epoch in range(EPOCHS):
        due = every > 0 and (epoch + 1) % every == 0
        assert watching.seen[epoch] == ({0: 30, 1: 30, 2: 30} if due else {0: 30})
        assert watching.said[epoch] == (["en", "de", "zh"] if due else ["en"])
    assert len(watching.knew_the_last) == EPOCHS and all(watching.knew_the_last)


def test_workers_and_limits_change_nothing_of_that(tiny_encoder: Path, tiny_task: Path) -> None:
    watching = fitted(make_data(tiny_encoder, tiny_task, 3, num_workers=1), limit_val_batches=1)
    languages = [sorted(watching.seen[epoch]) for epoch in range(EPOCHS)]
    assert languages == [[0], [0], [0, 1, 2]] * 2 and all(watching.knew_the_last)


def test_a_validation_outside_of_a_training_covers_all(tiny_encoder: Path, tiny_task: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, 4)
    assert [len(loader) > 0 for loader in data.val_dataloader()] == [True] * 3
    watching = Watching()
    pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False).validate(watching, data, verbose=False)
    assert watching.seen[0] == {0: 30, 1: 30, 2: 30}


def test_nothing_of_the_targets_dev_sets_is_read_unless_it_is_asked_for(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path
) -> None:
    for language in ("en", "de", "zh"):
        (tmp_path / language).mkdir()
        for path in (tiny_task / language).iterdir():
            (tmp_path / language / path.name).symlink_to(path)
    (tmp_path / "de" / "dev.tsv").unlink()
    (tmp_path / "de" / "dev.tsv").write_text("spoilt", encoding="utf8")
    data = make_data(tiny_encoder, tmp_path, 0)
    data.setup("fit")
    assert data.data_counts()["examples"]["dev"] == {"en": 30}

"""Which pairs a training has visited: counted where they are trained on, whatever interrupts or divides it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from models.test_classifier import make, trainer
from regularizers.catalogue import tiny_corpus

from xltrobust.datamodules.parallel.visits import PairVisits
from xltrobust.errors import UserError
from xltrobust.regularizers import R3F, SentenceAlignment


def test_rows_are_counted_as_often_as_they_come() -> None:
    visits, rng = PairVisits(50, "a"), np.random.default_rng(0)
    assert not visits.begun
    expected = np.zeros(50, int)
    for _ in range(300):
        rows = rng.integers(40, size=8)
        visits.add(torch.tensor(rows) if rng.random() < 0.5 else rows.tolist())
        np.add.at(expected, rows, 1)
    assert visits.begun and (visits.counts == expected).all() and visits.counts.max() > 40
    record = visits.record()
    assert (record["visited"], record["distinct"], record["of"]) == (2400, 40, 50)


def test_the_hash_is_of_the_corpus_and_the_different_rows() -> None:
    def hashed(corpus: str, *rows: int) -> str:
        visits = PairVisits(9, corpus)
        visits.add(rows)
        return visits.record()["hash"]

    assert hashed("a", 1, 2) == hashed("a", 2, 1, 1)
    assert len({hashed("a", 1, 2), hashed("a", 1), hashed("b", 1, 2), hashed("a")}) == 4


@pytest.mark.parametrize("often", [3, 300])
def test_counts_go_on_from_a_checkpoint_and_add_up_over_devices(often: int, tmp_path: Path) -> None:
    before = PairVisits(5, "a")
    before.add([1] * often)
    torch.save(before.state_dict(), tmp_path / "state")
    state = torch.load(tmp_path / "state", weights_only=True)
    # Two devices, of which this is one, and the other has visited row 4 twice.
    resumed = PairVisits(5, "a", lambda counts: counts + torch.tensor([0, 0, 0, 0, 2]))
    resumed.load_state_dict(state)
    resumed.add([1, 0])
    assert resumed.counts.tolist() == [1, often + 1, 0, 0, 2]
    json.dumps(resumed.record())


@pytest.mark.parametrize("rows", [[-1], [5], torch.tensor([0, 7])])
def test_rows_that_are_not_there_are_refused(rows: list[int] | torch.Tensor) -> None:
    visits = PairVisits(5, "a")
    visits.add(rows)
    with pytest.raises(IndexError, match="Expected rows from 0 to 4"):
        visits.record()


def test_pairs_are_visited_in_the_steps_that_train_on_them(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the stage of the task alone, pairs are loaded, but not visited."""
    module, data = make(tiny_encoder, tiny_task)
    data.parallel = tiny_corpus(tiny_pairs)
    trained: list[list[int]] = []
    loaded: list[int] = []

    def on_train_batch_start(batch, batch_idx) -> None:
        loaded.extend(batch["pairs"]["rows"].tolist())
        if module.progress < 0.5:
            trained.append(batch["pairs"]["rows"].tolist())

    monkeypatch.setattr(module, "on_train_batch_start", on_train_batch_start)
    fitting = trainer(max_epochs=4, limit_val_batches=0, callbacks=[SentenceAlignment(pretraining_share=0.5), R3F()])
    fitting.fit(module, datamodule=data)
    rows = [row for batch in trained for row in batch]
    assert len(rows) < len(loaded)
    assert data.pair_visits.counts.tolist() == np.bincount(rows, minlength=len(data.pairs)).tolist()
    assert data.visits_record() == data.pair_visits.record()
    assert len(data.pairs.pairs(rows)) == len(rows)


def test_other_pairs_are_refused_in_a_resumed_training_and_not_in_a_test(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, tmp_path: Path
) -> None:
    module, data = make(tiny_encoder, tiny_task)
    data.parallel = tiny_corpus(tiny_pairs)
    once = trainer(max_epochs=1, limit_val_batches=0, limit_train_batches=2, callbacks=[SentenceAlignment()])
    once.fit(module, datamodule=data)
    once.save_checkpoint(tmp_path / "a.ckpt")
    recorded = data.visits_record()
    for control in (False, True):
        module, data = make(tiny_encoder, tiny_task)
        data.parallel = tiny_corpus(tiny_pairs, max_pairs=50) if control else tiny_corpus(tiny_pairs)
        again = trainer(max_epochs=2, limit_val_batches=0, limit_train_batches=2, callbacks=[SentenceAlignment()])
        if control:
            with pytest.raises(UserError, match="no longer those that this run was trained on"):
                again.fit(module, datamodule=data, ckpt_path=tmp_path / "a.ckpt")
        else:
            again.fit(module, datamodule=data, ckpt_path=tmp_path / "a.ckpt")
            assert data.visits_record()["visited"] == 2 * recorded["visited"]
        module, data = make(tiny_encoder, tiny_task)
        trainer().test(module, datamodule=data, ckpt_path=tmp_path / "a.ckpt")
        assert data.visits_record() == recorded

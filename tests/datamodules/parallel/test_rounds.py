"""Every pair equally often: over steps and devices, with accumulation, in stages, and in a resumed training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from models.test_classifier import make, trainer
from regularizers.catalogue import tiny_corpus

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.parallel.rounds import RoundsSampler, training_batches
from xltrobust.errors import UserError
from xltrobust.regularizers import R3F, SentenceAlignment

LENGTHS = np.random.default_rng(0).integers(4, 60, 103)
USED = np.arange(40) % 7 != 3  # 34 of 40 batches


def with_rounds(rounds: int, encoder: Path, task: Path, pairs: Path, **options) -> tuple:
    module, data = make(encoder, task, **options)
    data.parallel, data.pair_rounds = tiny_corpus(pairs), rounds
    return module, data


def batches(rounds: int = 2, start: int = 0, **options) -> list[list[int]]:
    sampler = RoundsSampler(LENGTHS, rounds, USED, **{"seed": 1, "pool": 5} | options)
    sampler.start = start
    return list(sampler)


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_every_pair_is_visited_as_often_as_asked(rounds: int) -> None:
    found = batches(rounds)
    assert (np.bincount([row for batch in found for row in batch], minlength=103) == rounds).all()
    sizes = np.array([len(batch) for batch in found])
    assert (sizes[~USED] == 0).all() and sizes[USED].max() - sizes[USED].min() <= 1
    # Spread evenly: no part of the training has more than its share.
    assert np.abs(np.cumsum(sizes[USED]) - np.arange(1, 35) * rounds * 103 / 34).max() <= 1


def test_batches_depend_on_the_seed_and_their_number_alone() -> None:
    whole = batches()
    assert whole == batches() != batches(seed=2)
    for start in (0, 1, 3, 4, 17, 39, 40):
        assert batches(start=start) == whole[start:]


@pytest.mark.parametrize("devices", [2, 3, 4])
def test_devices_have_equally_many_and_at_most_one_round_more(devices: int) -> None:
    own = [batches(3, rank=rank, world_size=devices) for rank in range(devices)]
    assert len({tuple(map(len, each)) for each in own}) == 1
    visits = np.bincount([row for each in own for batch in each for row in batch], minlength=103)
    assert visits.min() == 3 and visits.sum() == -(-3 * 103 // devices) * devices and visits.max() <= 4


def test_batches_hold_pairs_of_similar_length_in_no_order() -> None:
    found = [batch for batch in batches(pool=17) if batch]
    means = [LENGTHS[batch].mean() for batch in found]
    assert np.mean([np.ptp(LENGTHS[batch]) for batch in found]) < np.ptp(LENGTHS) / 4
    assert sorted(means[:17]) != means[:17] and abs(np.corrcoef(means, range(34))[0, 1]) < 0.5


@pytest.mark.parametrize(
    "bounds",
    [
        {"max_epochs": 2, "accumulate_grad_batches": 2},
        {"max_epochs": 2, "accumulate_grad_batches": 3, "limit_train_batches": 5},
        {"max_epochs": -1, "max_steps": 9, "accumulate_grad_batches": 4},
        {"max_epochs": 2, "max_steps": 30, "limit_train_batches": 0.5},
    ],
)
def test_over_a_training_every_pair_is_visited_twice(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, bounds: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, data = with_rounds(2, tiny_encoder, tiny_task, tiny_pairs)
    planned: list[np.ndarray] = []
    stream = data._batches_with_pairs
    monkeypatch.setattr(data, "_batches_with_pairs", lambda n: planned.append(stream(n)) or planned[-1])
    fitting = trainer(**bounds, limit_val_batches=0, callbacks=[SentenceAlignment()])
    fitting.fit(module, datamodule=data)
    assert (data.pair_visits.counts == 2).all()
    assert data.visits_record()["distinct"] == len(data.pairs) == data.visits_record()["visited"] / 2
    assert module.planned_steps == fitting.global_step
    assert len(planned[-1]) == fitting.fit_loop.epoch_loop.batch_progress.total.completed


def test_steps_without_a_term_of_pairs_have_none_and_a_resumed_training_goes_on(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(stop: bool, checkpoint: Path | None = None) -> tuple[LocalClassification, list[list[int]]]:
        module, data = with_rounds(1, tiny_encoder, tiny_task, tiny_pairs)
        seen: list[list[int]] = []

        def on_train_batch_start(batch, batch_idx) -> None:
            seen.append(batch["pairs"]["rows"].tolist() if "pairs" in batch else [])
            assert bool(seen[-1]) == (module.progress < 0.4)

        def on_train_batch_end(outputs, batch, batch_idx) -> None:
            if stop and len(seen) == 5:
                fitting.save_checkpoint(tmp_path / "a.ckpt")
                fitting.should_stop = True

        monkeypatch.setattr(module, "on_train_batch_start", on_train_batch_start)
        monkeypatch.setattr(module, "on_train_batch_end", on_train_batch_end)
        terms = [SentenceAlignment(pretraining_share=0.4), R3F()]
        fitting = trainer(max_epochs=2, limit_val_batches=0, callbacks=terms)
        fitting.fit(module, datamodule=data, ckpt_path=checkpoint)
        return data, seen

    whole, expected = train(stop=False)
    assert (whole.pair_visits.counts == 1).all() and len(expected) == 14
    _, first = train(stop=True)
    resumed, rest = train(stop=False, checkpoint=tmp_path / "a.ckpt")
    assert len(first) == 5 and [*first, *rest] == expected
    assert (resumed.pair_visits.counts == 1).all()


def test_what_rounds_cannot_be_had_with_is_said(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    task = {"data_dir": str(tiny_task), "tokenizer": str(tiny_encoder), "source": "en", "languages": ["de"]}
    with pytest.raises(ValueError, match="`pair_batch_size` to be None with `pair_rounds`, .* but got 8"):
        LocalClassification(pair_rounds=1, pair_batch_size=8, **task)
    with pytest.raises(ValueError, match="`pair_rounds` to be at least 1, but got 0"):
        LocalClassification(pair_rounds=0, **task)
    for words, options, bounds in (
        ("with model.max_passes the number of steps", {"max_passes": 3.0}, {"max_epochs": -1}),
        ("1 times 138 pairs are fewer than 2 for each of the 210 batches .* take at least 4 rounds", {},
         {"max_epochs": 30}),
    ):  # fmt: skip
        module, data = with_rounds(1, tiny_encoder, tiny_task, tiny_pairs, **options)
        with pytest.raises(UserError, match=f"data.init_args.pair_rounds: {words}"):
            trainer(**bounds, limit_val_batches=0, callbacks=[SentenceAlignment()]).fit(module, datamodule=data)


def test_a_training_without_an_end_is_refused(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    _, data = with_rounds(1, tiny_encoder, tiny_task, tiny_pairs)
    data.trainer = trainer(max_epochs=-1)
    with pytest.raises(UserError, match="the training has no end to which the pairs could last"):
        data._batches_with_pairs(7)


def test_a_trial_run_takes_no_giant_batch(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    module, data = with_rounds(1, tiny_encoder, tiny_task, tiny_pairs)
    trainer(fast_dev_run=True, callbacks=[SentenceAlignment()]).fit(module, datamodule=data)
    assert data.visits_record()["visited"] == 16


def test_a_training_s_batches_by_step() -> None:
    assert training_batches(7, max_epochs=None, max_steps=-1, accumulate=2) is None
    assert training_batches(0, max_epochs=3, max_steps=-1, accumulate=2) is None
    found = training_batches(7, max_epochs=2, max_steps=5, accumulate=3)
    assert found is not None and found.tolist() == [3, 3, 1, 3, 3]

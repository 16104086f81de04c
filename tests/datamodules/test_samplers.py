import copy

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import Dataset

from xltrobust.datamodules.samplers import EvaluationSampler, ResumableLoader, TrainingSampler
from xltrobust.encoders.batches import length_batches, padded_length


def some_lengths(count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(2, 90, count).tolist()


def epoch_of(sampler: TrainingSampler, epoch: int) -> list[list[tuple[int, int]]]:
    sampler.set_epoch(epoch)
    return list(sampler)


class Keys(Dataset):
    """Gives back the keys it is asked for: a batch says which examples of which epoch it holds."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, key: tuple[int, int]) -> tuple[int, int]:
        return key


def keys_loader(count: int = 37, batch_size: int = 4, num_workers: int = 0, **options: int) -> ResumableLoader:
    sampler = TrainingSampler(some_lengths(count), batch_size, seed=3, **options)
    return ResumableLoader(Keys(count), batch_sampler=sampler, collate_fn=list, num_workers=num_workers)


def lightning_epoch(loader: ResumableLoader, epoch: int, batches: int | None = None, state: dict | None = None) -> list:
    """The batches that Lightning sees, in its order of calls; it asks for no more than it needs."""
    if state is not None:
        loader.load_state_dict(state)
    iterator = iter(loader)
    loader.batch_sampler.set_epoch(epoch)
    wanted = len(loader) if batches is None else batches
    return [next(iterator) for _ in range(wanted)]


def test_order_is_a_function_of_seed_and_epoch():
    lengths = some_lengths(50)
    sampler = TrainingSampler(lengths, 4, seed=1)
    first, second = epoch_of(sampler, 0), epoch_of(sampler, 1)
    assert {epoch for batch in second for epoch, _ in batch} == {1}
    assert [[i for _, i in batch] for batch in first] != [[i for _, i in batch] for batch in second]
    assert epoch_of(sampler, 0) == first
    fresh = TrainingSampler(lengths, 4, seed=1)
    assert (epoch_of(fresh, 1), epoch_of(fresh, 0)) == (second, first)
    assert epoch_of(TrainingSampler(lengths, 4, seed=2), 0) != first


@pytest.mark.parametrize("count", [64, 71])
def test_two_ranks_interleave_to_the_batches_of_one_device_with_twice_the_batch_size(count):
    lengths = some_lengths(count)
    whole = TrainingSampler(lengths, 8, seed=5)
    ranks = [TrainingSampler(lengths, 4, seed=5, rank=rank, world_size=2) for rank in (0, 1)]
    for epoch in (0, 1):
        batches = zip(*(epoch_of(rank, epoch) for rank in ranks), strict=True)
        interleaved = [[key for pair in zip(*both, strict=True) for key in pair] for both in batches]
        assert interleaved == epoch_of(whole, epoch)


@pytest.mark.parametrize("count, batch_size, world_size", [(53, 4, 1), (53, 4, 3), (48, 4, 3), (7, 16, 2)])
def test_every_example_comes_at_most_once_an_epoch_and_only_the_remainder_is_dropped(count, batch_size, world_size):
    ranks = [TrainingSampler(some_lengths(count), batch_size, 0, rank, world_size) for rank in range(world_size)]
    dropped = set()
    for epoch in range(8):
        shares = [epoch_of(rank, epoch) for rank in ranks]
        assert len({len(share) for share in shares}) == 1 and len(shares[0]) == len(ranks[0])
        seen = [index for share in shares for batch in share for _, index in batch]
        assert len(seen) == len(set(seen))
        size = min(batch_size, count // world_size) * world_size
        assert len(seen) == count - count % size
        dropped.add(frozenset(range(count)) - frozenset(seen))
    assert len(dropped) > 1 or count % size == 0


@pytest.mark.parametrize("count, batch_size, world_size", [(53, 4, 1), (53, 4, 2), (48, 4, 3), (8, 16, 2)])
def test_every_example_comes_once_an_epoch_if_none_is_dropped(count, batch_size, world_size):
    options = {"drop_last": False, "pool": 5}
    ranks = [TrainingSampler(some_lengths(count), batch_size, 0, at, world_size, **options) for at in range(world_size)]
    for epoch in range(3):
        shares = [epoch_of(rank, epoch) for rank in ranks]
        assert len({len(share) for share in shares}) == 1 and len(shares[0]) == len(ranks[0])
        assert sorted(index for share in shares for batch in share for _, index in batch) == list(range(count))
        assert all(batch for share in shares for batch in share)
        assert all((ranks[0].turns() == epoch).tolist())
    full = ranks[0].batch_size
    sizes = sorted(len(batch) for batch in shares[0])
    assert sizes[1:] == [full] * (len(sizes) - 1) and 0 < sizes[0] <= full


def test_a_last_batch_that_leaves_a_device_without_examples_is_refused():
    with pytest.raises(ValueError, match="for each of 3 devices, but 1 are left over; set `drop_last`"):
        TrainingSampler([5] * 13, 4, 0, 0, 3, drop_last=False)


def test_batches_hold_texts_of_similar_length_in_shuffled_order():
    lengths = np.array(some_lengths(4000))
    batches = epoch_of(TrainingSampler(lengths, 16, seed=0), 0)
    spans = [np.ptp(lengths[[i for _, i in batch]]) for batch in batches]
    unsorted = np.random.default_rng(0).permutation(len(lengths)).reshape(-1, 16)
    assert np.mean(spans) < 0.1 * np.mean(np.ptp(lengths[unsorted], axis=1))
    means = [lengths[[i for _, i in batch]].mean() for batch in batches]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.2


def test_an_example_set_smaller_than_the_devices_is_refused():
    with pytest.raises(ValueError, match=r"one training example per device \(3\), but got 2"):
        TrainingSampler([5, 6], 4, 0, 0, 3)


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("stopped", [1, 5])
def test_a_restored_loader_gives_the_remaining_batches_and_then_the_next_epoch(stopped, num_workers):
    uninterrupted = keys_loader()
    expected = [lightning_epoch(uninterrupted, epoch) for epoch in (0, 1, 2)]
    loader = keys_loader(num_workers=num_workers)
    lightning_epoch(loader, 0)
    assert lightning_epoch(loader, 1, stopped) == expected[1][:stopped]
    state = copy.deepcopy(loader.state_dict())
    resumed = keys_loader(num_workers=num_workers)
    rest = lightning_epoch(resumed, 1, len(resumed) - stopped, state)
    assert rest == expected[1][stopped:]
    assert lightning_epoch(resumed, 2) == expected[2]


def test_a_restored_loader_that_is_run_dry_gives_the_same_batches():
    expected = list(keys_loader())
    loader = keys_loader()
    loader.load_state_dict({"epoch": 0, "delivered": 6})
    assert list(loader) == expected[6:]
    assert list(loader) == expected  # the same epoch once more, from its start


def test_a_run_can_stop_twice_in_one_epoch():
    expected = lightning_epoch(keys_loader(), 0)
    first, second, third = keys_loader(), keys_loader(), keys_loader()
    lightning_epoch(first, 0, 2)
    assert lightning_epoch(second, 0, 3, first.state_dict()) == expected[2:5]
    assert second.state_dict() == {"epoch": 0, "delivered": 5}
    assert lightning_epoch(third, 0, len(expected) - 5, second.state_dict()) == expected[5:]


def test_a_restored_state_can_be_saved_again_before_the_first_batch():
    loader = keys_loader()
    loader.load_state_dict({"epoch": 4, "delivered": 3})
    assert loader.state_dict() == {"epoch": 4, "delivered": 3}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_state_saved_at_the_very_end_of_an_epoch_begins_the_next_at_its_first_batch(num_workers):
    expected = lightning_epoch(keys_loader(), 1)
    loader = keys_loader(num_workers=num_workers)
    lightning_epoch(loader, 0)
    assert loader.state_dict() == {"epoch": 0, "delivered": 0}
    resumed = keys_loader(num_workers=num_workers)
    assert lightning_epoch(resumed, 1, state=loader.state_dict()) == expected


def test_an_epoch_cut_short_is_followed_by_a_whole_one():
    expected = lightning_epoch(keys_loader(), 1)
    loader = keys_loader()
    lightning_epoch(loader, 0, 3)
    state = loader.state_dict()
    assert state == {"epoch": 0, "delivered": 3}
    assert lightning_epoch(loader, 1) == expected
    assert lightning_epoch(keys_loader(), 1, state=state) == expected
    resumed = keys_loader()
    lightning_epoch(resumed, 0, 2, state)
    assert lightning_epoch(resumed, 1) == expected


class Recorder(pl.LightningModule):
    """Writes down the batches it is trained on, and can be stopped after any of them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list = []

    def training_step(self, batch, _):
        self.seen.append(batch)
        return self.weight

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SaveAlways(pl.Callback):
    """Checkpoints after every step and every epoch: a run may be killed after any of them."""

    def __init__(self, directory) -> None:
        self.directory = directory

    def on_train_batch_end(self, trainer, *_):
        trainer.save_checkpoint(self.directory / f"step-{trainer.global_step}.ckpt")

    def on_train_epoch_end(self, trainer, *_):
        trainer.save_checkpoint(self.directory / f"epoch-{trainer.global_step}.ckpt")


def fit(directory, limit: int | None, num_workers: int, checkpoint=None) -> list:
    directory.mkdir()
    module = Recorder()
    trainer = pl.Trainer(
        max_epochs=3, limit_train_batches=limit, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        callbacks=[SaveAlways(directory)],
    )  # fmt: skip
    trainer.fit(module, keys_loader(22, num_workers=num_workers), ckpt_path=checkpoint, weights_only=False)
    return module.seen


@pytest.mark.parametrize("limit, num_workers", [(None, 0), (None, 2), (3, 0)])
def test_lightning_resumes_from_every_checkpoint_with_the_batches_of_an_uninterrupted_run(tmp_path, limit, num_workers):
    expected = fit(tmp_path / "whole", limit, num_workers)
    plain = keys_loader(22)
    assert expected == [batch for epoch in range(3) for batch in lightning_epoch(plain, epoch, limit)]
    for path in sorted((tmp_path / "whole").iterdir()):
        steps = int(path.stem.split("-")[1])
        assert fit(tmp_path / path.stem, limit, num_workers, path) == expected[steps:], path.stem


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [0, 2, 41])
def test_evaluation_shares_are_disjoint_and_complete(world_size, count):
    lengths = some_lengths(count)
    samplers = [EvaluationSampler(lengths, 256, rank, world_size) for rank in range(world_size)]
    assert all(len(sampler) == len(list(sampler)) for sampler in samplers)
    seen = [key for sampler in samplers for batch in sampler for key in batch]
    assert sorted(seen) == [(0, index) for index in range(count)]


@pytest.mark.parametrize("max_tokens", [16, 200, 8192])
def test_evaluation_batches_have_one_padded_length_and_keep_the_token_budget(max_tokens):
    lengths = some_lengths(300)
    batches = length_batches(lengths, max_tokens)
    assert sorted(index for batch in batches for index in batch) == list(range(300))
    for batch in batches:
        padded = {padded_length(lengths[index]) for index in batch}
        assert len(padded) == 1
        assert len(batch) == 1 or len(batch) * padded.pop() <= max_tokens
    widths = [padded_length(lengths[batch[0]]) for batch in batches]
    assert widths == sorted(widths, reverse=True)


def test_evaluation_batches_are_as_full_as_the_budget_allows():
    assert [len(batch) for batch in length_batches([8] * 10, max_tokens=32)] == [4, 4, 2]
    assert length_batches([100], max_tokens=8) == [[0]]


def test_padded_length_is_on_the_grid_or_the_maximum():
    assert [padded_length(n) for n in (1, 8, 9, 16, 17)] == [8, 8, 16, 16, 24]
    assert [padded_length(n, 12) for n in (8, 9, 12)] == [8, 12, 12]

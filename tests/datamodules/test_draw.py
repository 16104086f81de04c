"""What an augmentation draws on is a function of seed, example and turn; a cycle leaves nothing out."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from xltrobust.datamodules.draw import Draw
from xltrobust.datamodules.samplers import TrainingSampler


def cycled(turns: range, options: int, share: float, index: int = 0, purpose: str = "own") -> list[int | None]:
    return [Draw(0, run=3, index=index, turn=turn).cycled(options, share, purpose) for turn in turns]


def test_its_random_numbers_are_those_of_its_seed() -> None:
    own, other = Draw(5, index=2, epoch=1), random.Random(5)
    assert [own.random() for _ in range(3)] == [other.random() for _ in range(3)]
    assert (own.index, own.epoch, own.turn, own.visited) == (2, 1, 0, [])


@pytest.mark.parametrize("share", [1.0, 0.7, 0.5, 0.29, 0.1])
def test_every_option_comes_once_in_a_round(share: float) -> None:
    for options in (1, 3, 7):
        for index in range(40):
            first = cycled(range(math.ceil(options / share)), options, share, index)
            given = [one for one in first if one is not None]
            assert sorted(given[:options]) == list(range(options))
            assert len(given) <= math.ceil(len(first) * share)
            more = [
                one for one in cycled(range(math.ceil(2 * options / share)), options, share, index) if one is not None
            ]
            assert sorted(more[options : 2 * options]) == list(range(options))


def test_the_share_holds_at_every_turn_and_orders_differ() -> None:
    given = np.array([[one is not None for one in cycled(range(4), 5, 0.3, index)] for index in range(2000)])
    assert np.abs(given.mean(0) - 0.3).max() < 0.04
    orders = {tuple(cycled(range(5), 5, 1.0, index)) for index in range(60)}
    assert len(orders) > 30 and len({tuple(cycled(range(5), 5, 1.0, 0, f"{n}")) for n in range(20)}) > 10
    assert cycled(range(3), 0, 1.0) == [None] * 3


def test_the_turn_counts_the_epochs_that_had_the_example() -> None:
    sampler = TrainingSampler([5] * 23, batch_size=5, seed=1)
    came = np.zeros(23, int)
    for epoch in range(4):
        sampler.set_epoch(epoch)
        assert sampler.turns().tolist() == came.tolist()
        for batch in sampler:
            came[[index for _, index in batch]] += 1
    whole = TrainingSampler([5] * 20, batch_size=5, seed=1)
    whole.set_epoch(3)
    assert whole.turns().tolist() == [3] * 20

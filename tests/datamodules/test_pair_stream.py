"""The stream of sentence pairs: which come when, on which device, and what a batch of them holds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from regularizers.catalogue import tiny_corpus

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.pair_stream import PairSampler, word_tokens
from xltrobust.datamodules.readers import Columns
from xltrobust.errors import UserError
from xltrobust.perturb.words import word_parts
from xltrobust.seeding import global_seed

LENGTHS = np.random.default_rng(0).integers(4, 60, 103)


def batches(count: int, start: int = 0, **options) -> list[list[int]]:
    sampler = PairSampler(LENGTHS, **{"batch_size": 8, "seed": 1, "pool": 4} | options)
    sampler.start = start
    return list(islice(sampler, count))


def make_data(encoder: Path, task: Path, pairs: Path, **options) -> LocalClassification:
    return LocalClassification(
        tokenizer=str(encoder), data_dir=str(task), source="en", languages=["de", "zh"], batch_size=16,
        columns=Columns(id="id"), parallel=tiny_corpus(pairs), **options,
    )  # fmt: skip


def test_a_round_has_every_pair_at_most_once_and_the_next_one_others() -> None:
    first, second = batches(24)[:12], batches(24)[12:]
    for own in (first, second):
        rows = [row for batch in own for row in batch]
        assert len(rows) == len(set(rows)) == 96
    assert {row for batch in first for row in batch} != {row for batch in second for row in batch}
    assert first != second and first == batches(12) and first != batches(12, seed=2)


def test_the_stream_goes_on_at_any_batch() -> None:
    whole = batches(40)
    for start in (0, 1, 11, 12, 13, 30):
        assert batches(10, start) == whole[start : start + 10]


def test_two_devices_see_the_batches_of_one_with_twice_the_size() -> None:
    one = batches(20, batch_size=16)
    two = [batches(20, rank=rank, world_size=2) for rank in (0, 1)]
    assert [sorted([*a, *b]) for a, b in zip(*two, strict=True)] == [sorted(own) for own in one]


def test_batches_hold_pairs_of_similar_length() -> None:
    def spread(rows: list[int]) -> int:
        return int(LENGTHS[rows].max() - LENGTHS[rows].min())

    order = np.random.default_rng(0).permutation(96).reshape(-1, 8)
    assert np.mean([spread(own) for own in batches(12)]) < np.mean([spread(own.tolist()) for own in order]) / 2


def test_fewer_pairs_than_a_batch_are_one_batch() -> None:
    assert [sorted(own) for own in islice(PairSampler(LENGTHS[:3], 8, 0), 2)] == [[0, 1, 2]] * 2
    with pytest.raises(ValueError, match=r"at least one sentence pair per device \(4\), but got 3"):
        PairSampler(LENGTHS[:3], 8, 0, world_size=4)


def test_a_batch_has_the_sources_then_the_targets(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs, pair_batch_size=5)
    data.add_stream("word_pairs")
    stream = data.pair_stream()
    rows = next(iter(PairSampler(data.pairs.lengths, 5, global_seed())))
    batch, pairs = next(stream), data.pairs.pairs(rows)
    texts = [own.source for own in pairs] + [own.target for own in pairs]
    assert data.tokenization.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True) == texts
    assert batch["texts"].shape == (10,) and stream.delivered == 1
    # Every link is between words that the encoder's tokens spell.
    assert len(batch["links"]) > 5
    spelt = {}
    for number, (row, first, end) in enumerate(batch["words"].tolist()):
        spelt[number] = data.tokenization.tokenizer.decode(batch["input_ids"][row, first:end]).strip()
    expected = []
    for at, row in enumerate(rows):
        for link in data.word_pairs.links(row):
            words = [
                [texts[text][start:end] for start, end in word_parts(texts[text])][word]
                for text, word in zip((at, at + 5), link, strict=True)
            ]
            expected.append(tuple(words))
    assert sorted((spelt[a], spelt[b]) for a, b in batch["links"].tolist()) == sorted(expected)


def test_truncated_words_are_left_out(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs, pair_batch_size=20, max_length=14)
    data.add_stream("word_pairs")
    batch = next(data.pair_stream())
    assert batch["input_ids"].shape[1] <= 14 and batch["words"][:, 2].max() <= 13
    whole = make_data(tiny_encoder, tiny_task, tiny_pairs, pair_batch_size=20)
    whole.add_stream("word_pairs")
    assert 0 < len(batch["links"]) < len(next(whole.pair_stream())["links"])


def test_sentence_pairs_alone_take_no_aligner(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    data.add_stream("sentence_pairs")
    batch = next(data.pair_stream())
    assert "links" not in batch and "word_pairs" not in vars(data)


def test_without_a_corpus_the_need_is_told(tiny_encoder: Path, tiny_task: Path) -> None:
    data = LocalClassification(
        tokenizer=str(tiny_encoder), data_dir=str(tiny_task), source="en", languages=["de"], columns=Columns(id="id")
    )
    assert data.pair_stream() is None
    with pytest.raises(UserError, match=r"name their sources in data\.init_args\.parallel"):
        data.add_stream("sentence_pairs")


def test_tokens_of_words() -> None:
    offsets = np.array([[0, 0], [0, 2], [2, 6], [6, 9], [9, 12], [0, 0]])
    assert word_tokens("abcdef gh, ij", offsets) == {0: (1, 3), 1: (3, 4), 2: (4, 5)}
    assert word_tokens("我喜欢猫", np.array([[0, 0], [0, 3], [3, 4]])) == {0: (1, 2), 1: (1, 2), 2: (2, 3)}


def test_the_record_of_the_corpus_is_among_the_counts(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    _ = data.word_pairs
    counts = data.data_counts()["parallel"]
    assert counts["pairs"] == len(data.pairs) and len(counts["hash"]) == 64
    assert counts["aligner"]["model"] == "fast_align" and counts["control"] is None
    assert torch.equal(torch.tensor(data.pairs.groups).unique(), torch.tensor([0, 1]))

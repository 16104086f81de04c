"""The stream of sentence pairs: which come when, on which device, and what a batch of them holds."""

from __future__ import annotations

import multiprocessing
import time
from datetime import timedelta
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from regularizers.catalogue import tiny_corpus

from conftest import write_tiny_pairs
from xltrobust.datamodules import LocalClassification, PairTable, ParallelCorpus, StatisticalAligner
from xltrobust.datamodules.example_table import Columns
from xltrobust.datamodules.parallel.stream import PairSampler
from xltrobust.datamodules.parallel.token_counts import batching_lengths, pair_tokens
from xltrobust.encoders.word_vectors import word_tokens
from xltrobust.errors import UserError
from xltrobust.seeding import global_seed
from xltrobust.text.words import word_parts

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
    rows = next(iter(PairSampler(batching_lengths(data.pairs, data.tokenization), 5, global_seed())))
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


def test_pairs_are_batched_by_the_tokens_of_the_longer_text(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs, max_length=40)
    counts, pairs = pair_tokens(data.pairs, data.tokenization), data.pairs.pairs(range(len(data.pairs)))
    for side, name in enumerate(("source", "target")):
        # A token for each byte, and two special ones.
        expected = [min(40, len(getattr(pair, name).encode()) + 2) for pair in pairs]
        assert counts[side].tolist() == expected
    assert batching_lengths(data.pairs, data.tokenization).tolist() == counts.max(axis=0).tolist()
    # Shuffled pairs come in the same order, and are not tokenized again.
    data.parallel = tiny_corpus(tiny_pairs, control="shuffled_pairs")
    del data.pairs
    monkeypatch.setattr(data.tokenization, "table", lambda *_, **__: pytest.fail("counted again"))
    assert (pair_tokens(data.pairs, data.tokenization) == counts).all()


def test_a_stream_of_another_order_is_not_gone_on_with(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    data.add_stream("sentence_pairs")
    for state, refused in (({"pairs": 3}, True), ({"pairs": 0}, False), ({"pairs": 3, "pair_order": 2}, False)):
        stream = data.pair_stream()
        stream.load_state_dict(state)
        if refused:
            with pytest.raises(UserError, match="takes sentence pairs in another order"):
                next(stream)
        else:
            next(stream)
            assert stream.state_dict()["pairs"] == state["pairs"] + 1


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


def test_lexicons_of_one_language_in_several_spellings_and_directions_are_one(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    words = [("tree", "baum"), ("house", "haus"), ("old", "alt"), ("near", "nah"), ("and", "und"), ("very", "sehr")]
    lines = ["source\ttarget\tfrom\tto"]
    for first in range(3):
        for number, (english, german) in enumerate(words):
            own = [english, german, "en", "de-AT"] if number % 2 else [german, english, "deu", "en"]
            lines.append("\t".join([f"{own[0]} {first}", f"{own[1]} {first}", *own[2:]]))
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    data = make_data(tiny_encoder, tiny_task, tmp_path / "pairs.tsv")
    table = PairTable(path=str(tmp_path / "pairs.tsv"), source_language_column="from", target_language_column="to")
    data.parallel = ParallelCorpus(bitexts=[table], aligner=StatisticalAligner(model="ibm1"), held_out=0)
    (name,) = lexicons = data.induced_lexicons()
    assert name == "en>de" and {english: lexicons[name][english] for english, _ in words} == {
        english: (german,) for english, german in words
    }


def test_target_dev_texts_are_removed_though_the_run_does_not_look_at_them(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    dev = (tiny_task / "de" / "dev.tsv").read_text(encoding="utf8").split("\n")[1].split("\t")[1]
    lines = ["source\ttarget\tlanguage", f"a copy\t{dev.upper()}!\tde", "a dog\tein Hund\tde"]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    data = make_data(tiny_encoder, tiny_task, tmp_path / "pairs.tsv")
    data.parallel = tiny_corpus(tmp_path / "pairs.tsv", held_out=0)
    assert [pair.source for pair in data.pairs.pairs(range(len(data.pairs)))] == ["a dog"]
    assert data.data_counts()["parallel"]["counts"]["en>de"]["overlap with dev or test, exact"] == 1


def test_a_shuffled_lexicon_is_no_control_of_word_pairs(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    true = data.induced_lexicons()["en>de"]
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    data.parallel = tiny_corpus(tiny_pairs, control="shuffled_lexicon")
    with pytest.raises(UserError, match="for methods that read word pairs, train with control: shuffled_pairs"):
        data.add_stream("word_pairs")
    data.add_stream("sentence_pairs")
    shuffled = data.induced_lexicons()["en>de"]
    assert shuffled.keys() == true.keys() and not any(shuffled[word] == true[word] for word in true)


def test_held_out_words_are_aligned_anew_where_other_pairs_are_held_out(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    path, found = write_tiny_pairs(tmp_path / "pairs.tsv"), []
    for again in range(2):
        data = make_data(tiny_encoder, tiny_task, path)
        held = data.pairs.held_out(("en", "de"))
        links = data.word_pairs.held_out(("en", "de"))
        found.append((data.pairs.record["hash"], links))
        if not again:  # the same training pairs, and the words of those held out in another order
            text = path.read_text(encoding="utf8")
            for pair in held:
                text = text.replace(
                    f"{pair.source}\t{pair.target}\t", f"{pair.source}\t{' '.join(pair.target.split()[::-1])}\t"
                )
            path.write_text(text, encoding="utf8")
    assert found[0][0] == found[1][0] and found[0][1] != found[1][1]


def test_where_nothing_is_held_out_no_links_are(
    tiny_encoder: Path, tiny_task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    data = make_data(tiny_encoder, tiny_task, write_tiny_pairs(tmp_path / "pairs.tsv"))
    data.parallel = tiny_corpus(tmp_path / "pairs.tsv", held_out=0)
    assert data.pairs.held_out(("en", "de")) == data.word_pairs.held_out(("en", "de")) == []


def wait_for_the_first(rank: int, folder: Path, module: LocalClassification) -> None:
    """One of two processes, of which the first takes longer than the process group allows for a collective."""
    limit = timedelta(seconds=1)
    store = f"file://{folder / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=limit)
    module.trainer = SimpleNamespace(world_size=2, local_rank=rank)

    def make() -> str:
        if rank == 0:
            time.sleep(2)
            (folder / "made").touch()
        return f"found: {(folder / 'made').exists()}"

    def fail() -> str:
        raise UserError("no pairs")

    (folder / f"{rank}").write_text(module._first_on_one(make))
    with pytest.raises(UserError, match="no pairs"):
        module._first_on_one(fail)


def test_devices_wait_for_the_one_that_aligns_for_as_long_as_it_takes(
    tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path, tmp_path: Path
) -> None:
    module, context = make_data(tiny_encoder, tiny_task, tiny_pairs), multiprocessing.get_context("fork")
    processes = [context.Process(target=wait_for_the_first, args=(rank, tmp_path, module)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert [(tmp_path / name).read_text() for name in ("0", "1")] == ["found: True"] * 2


def test_the_record_of_the_corpus_is_among_the_counts(tiny_encoder: Path, tiny_task: Path, tiny_pairs: Path) -> None:
    data = make_data(tiny_encoder, tiny_task, tiny_pairs)
    _ = data.word_pairs
    counts = data.data_counts()["parallel"]
    assert counts["pairs"] == len(data.pairs) and len(counts["hash"]) == 64
    assert counts["aligner"]["model"] == "fast_align" and counts["control"] is None
    assert torch.equal(torch.tensor(data.pairs.groups).unique(), torch.tensor([0, 1]))

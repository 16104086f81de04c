"""Batches of sentence pairs without end, beside the batches of a task: a stream that keeps its own place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.words.word_pairs import WordPairs
from xltrobust.encoders.tokenization import Batch, Tokenization
from xltrobust.encoders.word_vectors import tokens_of_words
from xltrobust.example import Example
from xltrobust.seeding import derived_seed


class PairSampler(Sampler[list[int]]):
    """Shuffled batches of pairs of similar length, round after round; the n-th is a function of (seed, n) alone.

    What is left of a round after the last full global batch is dropped, other pairs in every round.

    Args:
        lengths: of each pair, shape (N,).
        batch_size: pairs per device and step; fewer if there are not as many.
        seed: of the order.
        rank: this device.
        world_size: the number of devices.
        pool: batches sorted by length together; larger pads less and shuffles less.

    Attributes:
        start: the batch to begin with.

    Raises:
        ValueError: if there are fewer pairs than devices.
    """

    def __init__(
        self, lengths: np.ndarray, batch_size: int, seed: int, rank: int = 0, world_size: int = 1, pool: int = 50
    ) -> None:
        if len(lengths) < world_size:
            raise ValueError(f"Expected at least one sentence pair per device ({world_size}), but got {len(lengths)}.")
        self.lengths, self.seed, self.rank, self.world_size, self.pool = lengths, seed, rank, world_size, pool
        self.batch_size = min(batch_size, len(lengths) // world_size)
        self.start = 0

    def __iter__(self) -> Iterator[list[int]]:
        size = self.batch_size * self.world_size
        in_round = len(self.lengths) // size
        current, first = divmod(self.start, in_round)
        while True:
            rng = np.random.default_rng(derived_seed("pairs", self.seed, current))
            order = rng.permutation(len(self.lengths))[: in_round * size]
            order = order[np.lexsort((self.lengths[order], np.arange(len(order)) // (size * self.pool)))]
            for number in rng.permutation(in_round)[first:]:
                yield order[number * size : (number + 1) * size][self.rank :: self.world_size].tolist()
            current, first = current + 1, 0


class PairBatches(Dataset[Batch]):
    """Batches of sentence pairs, by lists of rows: the sources of P pairs, then their P targets, one text a row.

    The model's inputs, shape (2P, T), and

    - ``texts`` (2P,): equal for equal texts, which are no negatives of each other;
    - with word pairs ``words`` (W, 3): the row of each aligned word, its first token and the one after its last; and
      ``links`` (L, 2): which two of these correspond, source first. Words that were truncated are left out.

    Args:
        data: the pairs.
        tokenization: of texts.
        word_pairs: which words correspond; None leaves them out.
    """

    def __init__(self, data: PairData, tokenization: Tokenization, word_pairs: WordPairs | None = None) -> None:
        self.data, self.tokenization, self.word_pairs = data, tokenization, word_pairs

    def __getitem__(self, rows: list[int]) -> Batch:
        examples = pair_examples(self.data.pairs(rows))
        table = self.tokenization.table(examples, keep=False)
        batch = self.tokenization.collate([table.row(i) for i in range(len(examples))])
        batch["texts"] = torch.tensor([text_id(own.text) for own in examples])
        if self.word_pairs is not None:
            batch |= self._words(rows, examples)
        return batch

    def _words(self, rows: list[int], examples: list[Example]) -> Batch:
        assert self.word_pairs is not None
        spans = tokens_of_words(examples, self.tokenization)
        words: dict[tuple[int, int], int] = {}
        found: list[tuple[int, int, int]] = []
        links = []
        for at, row in enumerate(rows):
            for source, target in self.word_pairs.links(row):
                ends = ((at, source), (at + len(rows), target))
                if any(spans[text].get(word) is None for text, word in ends):
                    continue
                for text, word in ends:
                    if (text, word) not in words:
                        words[text, word] = len(found)
                        found.append((text, *spans[text][word]))
                links.append([words[end] for end in ends])
        return {
            "words": torch.tensor(found, dtype=torch.long).reshape(-1, 3),
            "links": torch.tensor(links, dtype=torch.long).reshape(-1, 2),
        }


def pair_examples(pairs: Sequence[SentencePair]) -> list[Example]:
    """The source texts of P pairs, then their targets, to be tokenized."""
    return [
        *(Example("", own.source_language, own.source, 0) for own in pairs),
        *(Example("", own.target_language, own.target, 0) for own in pairs),
    ]


def text_id(text: str) -> int:
    """A number that texts share if they differ in case at most."""
    return derived_seed(text.casefold())


class PairStream:
    """An endless iterator over batches of pairs, whose state is how many it gave.

    Args:
        batches: by lists of rows.
        sampler: of these.
        options: the loader's (workers, pinned memory).
    """

    def __init__(self, batches: PairBatches, sampler: PairSampler, **options: Any) -> None:
        self._sampler = sampler
        self._loader = DataLoader(batches, sampler=sampler, batch_size=None, **options)
        self._iterator: Iterator[Batch] | None = None
        self.delivered = 0

    def __next__(self) -> Batch:
        if self._iterator is None:
            self._sampler.start = self.delivered
            self._iterator = iter(self._loader)
        batch = next(self._iterator)
        self.delivered += 1
        return batch

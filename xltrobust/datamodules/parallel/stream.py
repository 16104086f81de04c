"""An endless stream of batches of sentence pairs beside the task's batches, with a position of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.rounds import POOL, RoundsSampler
from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.words.word_pairs import WordPairs
from xltrobust.encoders.tokenization import Batch, Tokenization
from xltrobust.encoders.word_vectors import tokens_of_words
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.seeding import derived_seed

ORDER = 2  # of the pairs; a run that was begun with another cannot go on


class PairSampler(Sampler[list[int]]):
    """Endless shuffled batches of pairs of similar length; batch n depends on the seed and n only.

    Each round goes over the pairs once, in a new order, and drops those that do not fill a last global batch.

    Args:
        lengths: the length of each pair, shape (N,).
        batch_size: pairs per device and step; lowered if there are too few pairs for one batch per device.
        seed: of the order.
        rank: this device.
        world_size: the number of devices.
        pool: how many global batches are sorted by length together; a larger pool means less padding and less
            shuffling.

    Attributes:
        start: the number of the first batch to yield.

    Raises:
        ValueError: if there are fewer pairs than devices.
    """

    def __init__(
        self, lengths: np.ndarray, batch_size: int, seed: int, rank: int = 0, world_size: int = 1, pool: int = POOL
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
    """Batches of sentence pairs, indexed by lists of P rows: the P source texts, then the P target texts.

    A batch of no rows is empty.

    A batch has the model's inputs, shape (2P, T), and

    - ``rows`` (P,): the pairs' rows;
    - ``texts`` (2P,): ids that are the same for texts equal up to case, which must not be each other's negatives;
    - with word pairs, ``words`` (W, 3): the text that each aligned word is in, its first token, and one past its last
      token; and ``links`` (L, 2): which two of these words correspond, source first. Truncated words are left out.

    Args:
        data: the pairs.
        tokenization: tokenizes the texts.
        word_pairs: which words correspond; None leaves out ``words`` and ``links``.
    """

    def __init__(self, data: PairData, tokenization: Tokenization, word_pairs: WordPairs | None = None) -> None:
        self.data, self.tokenization, self.word_pairs = data, tokenization, word_pairs

    def __getitem__(self, rows: list[int]) -> Batch:
        if not rows:
            return {}
        examples = pair_examples(self.data.pairs(rows))
        table = self.tokenization.table(examples, keep=False)
        batch = self.tokenization.collate([table.row(i) for i in range(len(examples))])
        batch["rows"] = torch.tensor(rows)
        batch["texts"] = torch.tensor([text_id(example.text) for example in examples])
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
    """The source texts of P pairs, then their target texts, as examples to tokenize."""
    return [
        *(Example("", pair.source_language, pair.source, 0) for pair in pairs),
        *(Example("", pair.target_language, pair.target, 0) for pair in pairs),
    ]


def text_id(text: str) -> int:
    """A number that is the same for texts that differ in case only."""
    return derived_seed(text.casefold())


class PairStream:
    """An endless iterator over batches of pairs. Its only state is ``delivered``, the number of batches so far.

    Args:
        batches: the batches, indexed by lists of rows.
        sampler: yields these lists.
        options: of the data loader (workers, pinned memory).
    """

    def __init__(self, batches: PairBatches, sampler: PairSampler | RoundsSampler, **options: Any) -> None:
        self._sampler = sampler
        self._loader = DataLoader(batches, sampler=sampler, batch_size=None, **options)
        self._iterator: Iterator[Batch] | None = None
        self.delivered = 0
        self._order: int | None = ORDER

    def state_dict(self) -> dict[str, Any]:
        return {"pairs": self.delivered, "pair_order": ORDER}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.delivered, self._order = state.get("pairs", 0), state.get("pair_order")

    def __next__(self) -> Batch:
        """
        Raises:
            UserError: if the stream was begun by a version that took pairs in another order.
        """
        if self._iterator is None:
            if self.delivered and self._order != ORDER:
                raise UserError(
                    "This run was begun by a version of xltrobust that takes sentence pairs in another order: finish "
                    "it with that version, or start it anew in another folder."
                )
            self._sampler.start = self.delivered
            self._iterator = iter(self._loader)
        batch = next(self._iterator)
        self.delivered += 1
        return batch

"""What a task's data module offers of parallel text: sentence pairs, word pairs, and a stream of batches of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, TypeVar

import pytorch_lightning as pl

from xltrobust.datamodules.pair_data import PairData
from xltrobust.datamodules.pair_stream import PairBatches, PairSampler, PairStream
from xltrobust.datamodules.parallel import ParallelCorpus
from xltrobust.datamodules.statistical_aligner import StatisticalAligner
from xltrobust.datamodules.word_pairs import WordPairs
from xltrobust.errors import UserError
from xltrobust.languages import base_language
from xltrobust.perturb.bilingual_lexicon import BilingualLexicon
from xltrobust.perturb.word_tables import WordTable
from xltrobust.seeding import global_seed

Stream = Literal["sentence_pairs", "word_pairs"]
T = TypeVar("T")


class ParallelText(pl.LightningDataModule):
    """The half of :class:`CrossLingualClassification` that regularizers of alignment use.

    Args:
        parallel: the corpus; None if there is none.
        pair_batch_size: sentence pairs per device and step.
    """

    def __init__(self, parallel: ParallelCorpus | None, pair_batch_size: int) -> None:
        super().__init__()
        self.parallel, self.pair_batch_size = parallel, pair_batch_size
        self.counts: dict[str, Any] = {}
        self._streams: set[str] = set()

    @property
    def _task(self) -> Any:
        """This data module as the task that it is half of."""
        return self

    def add_stream(self, name: Stream) -> None:
        """Asks for ``batch["pairs"]``, with the words' alignment if it is for ``word_pairs``.

        Raises:
            UserError: if there is no parallel corpus.
        """
        _ = self.pairs
        self._streams.add(name)

    @cached_property
    def pairs(self) -> PairData:
        """The sentence pairs of ``parallel``.

        Raises:
            UserError: if there are none.
        """
        if self.parallel is None:
            raise UserError(
                "Alignment needs sentence pairs: name their sources in data.init_args.parallel "
                "(experiments/parallel/home_assistant.yaml has the offline ones)."
            )
        unseen: dict[str, list[str]] = {}
        for own in [*self._task.validation_sets, *self._task.test_sets]:
            for example in own.examples:
                unseen.setdefault(example.side_language("text"), []).append(example.text)
                if example.text_pair is not None:
                    unseen.setdefault(example.side_language("text_pair"), []).append(example.text_pair)
        corpus = self.parallel
        data = self._first_on_one(lambda: corpus.prepare(unseen))
        self.counts["parallel"] = data.record | {"control": data.control}
        return data

    @cached_property
    def word_pairs(self) -> WordPairs:
        """The words that correspond in :attr:`pairs`."""
        aligner = self.parallel and self.parallel.aligner
        found = WordPairs(self.pairs, aligner or StatisticalAligner())
        self.counts["parallel"]["aligner"] = found.aligner.settings()
        self._first_on_one(found.align)
        return found

    def induced_lexicons(self) -> dict[str, WordTable]:
        """Those of :attr:`word_pairs` by direction ("en>de"), from the task's source language where it is a side."""
        found: dict[str, WordTable] = {}
        for source, target in self.pairs.languages:
            lexicon = self.word_pairs.lexicon((source, target))
            if base_language(target) == base_language(self._task.source):
                source, target, lexicon = target, source, lexicon.backwards()
            found[f"{source}>{target}"] = BilingualLexicon.from_table(
                lexicon.table(),
                source_language=source,
                target_language=target,
                shuffled=self.pairs.control == "shuffled_lexicon",
            )
        return found

    def _first_on_one(self, make: Callable[[], T]) -> T:
        """What is to be made once and then found in the cache: of a machine's processes one makes it first."""
        trainer = self.trainer
        if trainer is None or trainer.world_size == 1:
            return make()
        if trainer.local_rank:
            trainer.strategy.barrier("made")
        made = make()
        if not trainer.local_rank:
            trainer.strategy.barrier("made")
        return made

    def pair_stream(self) -> PairStream | None:
        """Batches of pairs, if a regularizer has asked for them."""
        if not self._streams:
            return None
        words = self.word_pairs if "word_pairs" in self._streams else None
        task = self._task
        sampler = PairSampler(self.pairs.lengths, self.pair_batch_size, global_seed(), *task._place)
        return PairStream(PairBatches(self.pairs, task.tokenization, words), sampler, **task._worker_options)

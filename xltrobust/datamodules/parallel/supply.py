"""What a task's data module offers of parallel text: sentence pairs, word pairs, and a stream of batches of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, TypeVar

import pytorch_lightning as pl
import torch

from xltrobust.datamodules.parallel.corpus import ParallelCorpus
from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.stream import PairBatches, PairSampler, PairStream
from xltrobust.datamodules.parallel.words.statistical_aligner import StatisticalAligner
from xltrobust.datamodules.parallel.words.word_pairs import WordPairs
from xltrobust.errors import UserError
from xltrobust.seeding import global_seed
from xltrobust.text.bilingual_lexicon import BilingualLexicon
from xltrobust.text.languages import base_language
from xltrobust.text.word_table import WordTable

Stream = Literal["sentence_pairs", "word_pairs"]
T = TypeVar("T")
_AS_LONG_AS_IT_TAKES = timedelta(days=365)


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
            UserError: if there is no parallel corpus, or word pairs are wanted of a corpus with a shuffled lexicon.
        """
        _ = self.pairs
        if name == "word_pairs":
            self.aligned_words()
        self._streams.add(name)

    @cached_property
    def pairs(self) -> PairData:
        """The sentence pairs of ``parallel``.

        Raises:
            UserError: if there are none.
        """
        data = self._first_on_one(self._prepared)
        self.counts["parallel"] = data.record | {"control": data.control}
        return data

    def prepare_data(self) -> None:
        """With several devices, one process a machine prepares the corpus; the others find it."""
        super().prepare_data()
        if self.parallel is not None and self.trainer and self.trainer.world_size > 1:
            self._prepared()

    def _prepared(self) -> PairData:
        if self.parallel is None:
            raise UserError(
                "Alignment needs sentence pairs: name their sources in data.init_args.parallel, as "
                "experiments/studies/parallel.yaml does."
            )
        unseen: dict[str, list[str]] = {}
        for example in self._task.unseen_examples():
            unseen.setdefault(example.side_language("text"), []).append(example.text)
            if example.text_pair is not None:
                unseen.setdefault(example.side_language("text_pair"), []).append(example.text_pair)
        return self.parallel.prepare(unseen, self._task.unseen_units())

    @cached_property
    def word_pairs(self) -> WordPairs:
        """The words that correspond in :attr:`pairs`; those of training pairs are still to be aligned."""
        aligner = self.parallel and self.parallel.aligner
        found = WordPairs(self.pairs, aligner or StatisticalAligner())
        self.counts["parallel"]["aligner"] = found.aligner.settings()
        return found

    def aligned_words(self) -> WordPairs:
        """The same, aligned; every device has to ask.

        Raises:
            UserError: if the corpus is a control of lexicons.
        """
        if self.pairs.control == "shuffled_lexicon":
            raise UserError(
                "The control shuffled_lexicon leaves word pairs as they are: for methods that read them, train with "
                "control: shuffled_pairs."
            )
        return self._first_on_one(self.word_pairs.align)

    def induced_lexicons(self) -> dict[str, WordTable]:
        """From the task's source language to others, by direction ("en>de"); every device has to ask.

        Those of one language in several spellings, directions or scripts are one.
        """
        words = self._first_on_one(self.word_pairs.align)
        pivot = base_language(self._task.source)
        tables: dict[str, list[WordTable]] = {}
        for languages in self.pairs.languages:
            source, target = map(base_language, languages)
            lexicon = words.lexicon(languages)
            if pivot in (source, target):
                own = lexicon if source == pivot else lexicon.backwards()
                tables.setdefault(target if source == pivot else source, []).append(own.table())
        return {
            f"{pivot}>{language}": BilingualLexicon.from_table(
                WordTable((word, others) for table in own for word, others in table.items()),
                source_language=pivot,
                target_language=language,
                shuffled=self.pairs.control == "shuffled_lexicon",
                seed=self.parallel.split_seed if self.parallel else 0,
            )
            for language, own in tables.items()
        }

    def _first_on_one(self, make: Callable[[], T]) -> T:
        """What is to be made once and then found in the cache: of a machine's processes one makes it first."""
        trainer = self.trainer
        if trainer is None or trainer.world_size == 1:
            return make()
        # A group of its own: in the trainer's, whoever waits gives up after half an hour, and aligning may take longer.
        group = torch.distributed.new_group(backend="gloo", timeout=_AS_LONG_AS_IT_TAKES)
        if trainer.local_rank:
            torch.distributed.barrier(group)
        try:
            return make()
        finally:
            if not trainer.local_rank:  # where it failed too: the others then say why, and not that they lost it
                torch.distributed.barrier(group)
            torch.distributed.destroy_process_group(group)

    def pair_stream(self) -> PairStream | None:
        """Batches of pairs, if a regularizer has asked for them."""
        if not self._streams:
            return None
        words = self.word_pairs if "word_pairs" in self._streams else None
        self.pairs.pairs([0])  # what it works out once is worked out here, not in every worker
        task = self._task
        sampler = PairSampler(self.pairs.lengths, self.pair_batch_size, global_seed(), *task._place)
        return PairStream(PairBatches(self.pairs, task.tokenization, words), sampler, **task._worker_options)

"""The parallel text of a task's data module: sentence pairs, word pairs, lexicons, and a stream of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import pytorch_lightning as pl
import torch

from xltrobust.datamodules.parallel.controls import CONTROL_KINDS
from xltrobust.datamodules.parallel.corpus import ParallelCorpus
from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.rounds import RoundsSampler, training_batches
from xltrobust.datamodules.parallel.source_views import check_source_views, relative_tokens
from xltrobust.datamodules.parallel.stream import PairBatches, PairSampler, PairStream
from xltrobust.datamodules.parallel.token_counts import batching_lengths, pair_tokens
from xltrobust.datamodules.parallel.translations import Translations
from xltrobust.datamodules.parallel.visits import PairVisits
from xltrobust.datamodules.parallel.words.statistical_aligner import StatisticalAligner
from xltrobust.datamodules.parallel.words.word_pairs import WordPairs
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.seeding import global_seed
from xltrobust.text.bilingual_lexicon import BilingualLexicon
from xltrobust.text.languages import base_language
from xltrobust.text.word_table import WordTable

Stream = Literal["sentence_pairs", "word_pairs"]
T = TypeVar("T")
_FEWEST = 2  # pairs of a batch on each device
_AS_LONG_AS_IT_TAKES = timedelta(days=365)


class ParallelText(pl.LightningDataModule):
    """The half of :class:`CrossLingualClassification` that the alignment regularizers use.

    Args:
        parallel: the corpus; None if there is none.
        pair_batch_size: sentence pairs per device and step.
        pair_rounds: how often each pair is visited over the training, in place of a batch size.
    """

    def __init__(self, parallel: ParallelCorpus | None, pair_batch_size: int, pair_rounds: int | None = None) -> None:
        super().__init__()
        self.parallel, self.pair_batch_size, self.pair_rounds = parallel, pair_batch_size, pair_rounds
        self.counts: dict[str, Any] = {}
        self._streams: set[str] = set()
        self._visits: PairVisits | None = None

    @property
    def _task(self) -> Any:
        """This data module, as the task that this class is one half of."""
        return self

    def add_stream(self, name: Stream) -> None:
        """Requests ``batch["pairs"]``; with ``word_pairs``, it includes the word alignments.

        Raises:
            UserError: if there is no parallel corpus, word pairs are requested from one with a shuffled lexicon, or
                ``pair_rounds`` goes with a training whose length is not known.
        """
        self.require_pairs()
        if name == "word_pairs":
            self.aligned_words()
        self._streams.add(name)

    @cached_property
    def pairs(self) -> PairData:
        """The sentence pairs of ``parallel``.

        Raises:
            UserError: if there are none, or the control is ``source_views`` and a source text is not in the task's
                language.
        """
        data = self._first_on_one(self._prepared)
        self.counts["parallel"] = data.record | {"control": data.control}
        if data.control is not None:
            self.counts["parallel"]["control_kind"] = CONTROL_KINDS[data.control]
        if data.control == "source_views":
            check_source_views(data, self._task.source)
            self.counts["parallel"]["control_tokens"] = relative_tokens(data, self._task.tokenization)
        if self._visits is None:  # here, where all devices come by, since they add up their visits together
            self._visits = PairVisits(len(data), data.record["hash"], self._summed)
        return data

    @property
    def pair_visits(self) -> PairVisits:
        """The visits of :attr:`pairs` in training, which every method counts that trains on them.

        Raises:
            UserError: if there are no pairs.
        """
        _ = self.pairs
        assert self._visits is not None
        return self._visits

    def visits_record(self) -> dict[str, Any] | None:
        """See :meth:`PairVisits.record`; None if the run has no use for pairs. Every device has to call it."""
        return None if self._visits is None else self._visits.record()

    def state_dict(self) -> dict[str, Any]:
        """The visits of the sentence pairs. Every device has to call it."""
        return {} if self._visits is None else {"pair_visits": self._visits.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on counting the visits of a checkpoint; one that is loaded for the test after a training is not heeded.

        Raises:
            UserError: if a training is to go on with other pairs.
        """
        if (stored := state_dict.get("pair_visits")) is None or (self._visits is not None and self._visits.begun):
            return
        if self._visits is None:
            self._visits = PairVisits(len(stored["counts"]), stored["corpus"], self._summed)
        elif self._visits.corpus != stored["corpus"] and self.trainer and self.trainer.state.fn == "fit":
            raise UserError(
                "The sentence pairs of data.init_args.parallel are no longer those that this run was trained on: put "
                "the files back, or start a new run in another folder."
            )
        self._visits.load_state_dict(stored)

    def _summed(self, counts: torch.Tensor) -> torch.Tensor:
        """The sum of counts over devices."""
        if self.trainer is None or self.trainer.world_size == 1:
            return counts
        own = counts.to(self.trainer.strategy.root_device, copy=True)  # the reduction is in place
        return self.trainer.strategy.reduce(own, reduce_op="sum")  # type: ignore[return-value]

    @cached_property
    def translations(self) -> Translations:
        """The rows of :attr:`pairs` by the text of a training example that is their source text.

        Raises:
            UserError: if there are no pairs, no training text is the source text of one, or the corpus's control is
                ``source_views`` or ``shuffled_lexicon``.
        """
        if self.pairs.control in ("source_views", "shuffled_lexicon"):
            raise UserError(
                f"The control {self.pairs.control} has no translations of whole texts that differ from the true ones: "
                "for methods that put a text's translation in its place, train with control: shuffled_pairs."
            )
        self.pairs.texts(0)  # computes the cached shuffling here, once, and not in every worker
        examples: list[Example] = self._task.train_examples
        texts = (text for own in examples for text in (own.text, own.text_pair) if text is not None)
        return Translations(self.pairs, self._task.source, texts)

    def prepare_data(self) -> None:
        """With several devices, one process per machine prepares the corpus; the others find it in the cache."""
        super().prepare_data()
        if self.parallel is not None and self.trainer and self.trainer.world_size > 1:
            self._prepared()

    def _prepared(self) -> PairData:
        if self.parallel is None:
            raise UserError(
                "Alignment needs sentence pairs: name their sources in data.init_args.parallel, as "
                "experiments/studies/parallel.yaml does."
            )
        for bitext in self.parallel.bitexts:
            bitext.bind(self._task)
        unseen: dict[str, list[str]] = {}
        for example in self._task.unseen_examples():
            unseen.setdefault(example.side_language("text"), []).append(example.text)
            if example.text_pair is not None:
                unseen.setdefault(example.side_language("text_pair"), []).append(example.text_pair)
        return self.parallel.prepare(unseen, self._task.unseen_units())

    @cached_property
    def word_pairs(self) -> WordPairs:
        """The corresponding words of :attr:`pairs`; the training pairs still have to be aligned."""
        aligner = self.parallel and self.parallel.aligner
        found = WordPairs(self.pairs, aligner or StatisticalAligner())
        self.counts["parallel"]["aligner"] = found.aligner.settings()
        return found

    def aligned_words(self) -> WordPairs:
        """:attr:`word_pairs` with the training pairs aligned. With several devices, all must call this.

        Raises:
            UserError: if the corpus's control is ``shuffled_lexicon`` or ``source_views``.
        """
        if self.pairs.control == "shuffled_lexicon":
            raise UserError(
                "The control shuffled_lexicon does not change word pairs: for methods that read word pairs, train with "
                "control: shuffled_pairs."
            )
        self._refuse_source_views()
        return self._first_on_one(self.word_pairs.align)

    def induced_lexicons(self) -> dict[str, WordTable]:
        """Lexicons from the task's source language to each other language, by direction ("en>de").

        A language's lexicons in several spellings, directions or scripts are merged. With several devices, all must
        call this.

        Raises:
            UserError: if the corpus's control is ``source_views``.
        """
        self._refuse_source_views()
        words = self._first_on_one(self.word_pairs.align)
        pivot = base_language(self._task.source)
        tables: dict[str, list[WordTable]] = {}
        for languages in self.pairs.languages:
            source, target = map(base_language, languages)
            lexicon = words.lexicon(languages)
            if pivot in (source, target):
                from_pivot = lexicon if source == pivot else lexicon.backwards()
                tables.setdefault(target if source == pivot else source, []).append(from_pivot.table())
        return {
            f"{pivot}>{language}": BilingualLexicon.from_table(
                WordTable((word, others) for table in parts for word, others in table.items()),
                source_language=pivot,
                target_language=language,
                shuffled=self.pairs.control == "shuffled_lexicon",
                seed=self.parallel.split_seed if self.parallel else 0,
            )
            for language, parts in tables.items()
        }

    def _refuse_source_views(self) -> None:
        if self.pairs.control == "source_views":
            raise UserError(
                "The control source_views has no translations, and so no words to align: it is for SentenceAlignment. "
                "The neutral control of code switching is DataAugmentation."
            )

    def _first_on_one(self, make: Callable[[], T]) -> T:
        """Calls ``make``, which caches its result, in one process per machine first, and then in the others."""
        trainer = self.trainer
        if trainer is None or trainer.world_size == 1:
            return make()
        # A separate process group: the trainer's times out after half an hour, and aligning may take longer.
        group = torch.distributed.new_group(backend="gloo", timeout=_AS_LONG_AS_IT_TAKES)
        if trainer.local_rank:
            torch.distributed.barrier(group)
        try:
            return make()
        finally:
            if not trainer.local_rank:  # after a failure too, so that the others report its cause, not a lost process
                torch.distributed.barrier(group)
            torch.distributed.destroy_process_group(group)

    def require_pairs(self) -> None:
        """Prepares the sentence pairs for a training that needs them.

        Raises:
            UserError: if there are none, or ``pair_rounds`` goes with a training whose length is not known.
        """
        budget = getattr(self.trainer.lightning_module, "max_passes", None) if self.trainer else None
        if self.pair_rounds is not None and budget is not None:
            raise UserError(
                "data.init_args.pair_rounds: with model.max_passes the number of steps, which the pairs are to last, "
                "is not known: give trainer.max_epochs or trainer.max_steps in its place, or pair_batch_size."
            )
        _ = self.pairs

    def pair_stream(self, batches: int | None = None) -> PairStream | None:
        """A stream of batches of pairs; None if no regularizer has requested one.

        Args:
            batches: training batches of an epoch, which ``pair_rounds`` has to know.

        Raises:
            UserError: if there are too few pairs for ``pair_rounds``, or the training's length is not known.
        """
        if not self._streams:
            return None
        words = self.word_pairs if "word_pairs" in self._streams else None
        self.pairs.pairs([0])  # computes the cached shuffling here, once, and not in every worker
        sampler, task = self._pair_sampler(batches), self._task
        return PairStream(PairBatches(self.pairs, task.tokenization, words), sampler, **task._worker_options)

    def pair_tokens_by_batch(self, batches: int) -> Iterator[int]:
        """The tokens of the pairs that this device would get in each batch of the training, if all of them had pairs.

        Args:
            batches: of an epoch.
        """
        sampler = self._pair_sampler(batches, always=True)
        tokens = self._first_on_one(lambda: pair_tokens(self.pairs, self._task.tokenization)).sum(axis=0)
        return (int(tokens[rows].sum()) for rows in sampler)

    def _pair_sampler(self, batches: int | None, always: bool = False) -> PairSampler | RoundsSampler:
        task = self._task
        lengths = self._first_on_one(lambda: batching_lengths(self.pairs, task.tokenization))
        if self.pair_rounds is None or (self.trainer and self.trainer.fast_dev_run):  # type: ignore[attr-defined]
            return PairSampler(lengths, self.pair_batch_size, global_seed(), *task._place)
        used = self._batches_with_pairs(batches)
        sampler = RoundsSampler(lengths, self.pair_rounds, used | always, global_seed(), *task._place)
        self._check_sizes(sampler)
        return sampler

    def _batches_with_pairs(self, batches: int | None) -> np.ndarray:
        """Whether each batch of the training has a term that reads pairs, shape (B,)."""
        trainer: Any = self.trainer
        if trainer is None or batches is None:
            raise ValueError("`pair_rounds` needs a trainer, which knows how long the training is.")
        taken = training_batches(
            batches,
            max_epochs=trainer.max_epochs,
            max_steps=trainer.max_steps,
            accumulate=trainer.accumulate_grad_batches,
            limit=trainer.limit_train_batches,
        )
        if taken is None:
            raise UserError(
                "data.init_args.pair_rounds: the training has no end to which the pairs could last: give "
                "trainer.max_epochs or trainer.max_steps, or pair_batch_size in place of pair_rounds."
            )
        return np.repeat(trainer.lightning_module.steps_with_pairs(len(taken)), taken)

    def _check_sizes(self, sampler: RoundsSampler) -> None:
        sizes = sampler.sizes[sampler.used]
        if len(sizes) and sizes.min() < _FEWEST:
            needed = -(-_FEWEST * len(sizes) * sampler.world_size // len(self.pairs))
            raise UserError(
                f"data.init_args.pair_rounds: {self.pair_rounds} times {len(self.pairs)} pairs are fewer than "
                f"{_FEWEST} for each of the {len(sizes)} batches that train on pairs, and a pair alone has nothing to "
                f"be told from: take at least {needed} rounds, or fewer steps."
            )

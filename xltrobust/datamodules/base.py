"""Zero-shot cross-lingual classification: one labelled source language, many target languages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from xltrobust.datamodules.dataset import Augmentation, Collator, TokenizedExamples
from xltrobust.datamodules.parallel.corpus import ParallelCorpus
from xltrobust.datamodules.parallel.supply import ParallelText
from xltrobust.datamodules.samplers import EvaluationSampler, ResumableLoader, TrainingSampler
from xltrobust.datamodules.view_pools import PoolCollator, PoolLoader, PoolSampler
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import UserError
from xltrobust.example import EvaluationSet, Example, Language, language_name
from xltrobust.seeding import derived_seed, global_seed
from xltrobust.text.languages import check_codes


class CrossLingualClassification(ParallelText, ABC):
    """Base of all tasks: trains on ``source``, validates on source dev, tests on source and targets.

    A task says which ``labels`` and ``targets`` it has and ``read``s one split in one language; batching, tokenization,
    sharding and resuming are done here. Validation sees target dev sets too, for the oracle only.

    Args:
        tokenizer: hub name, local directory or ``bundled``; the command line sets it to the model's encoder.
        source: the language with training data.
        batch_size: training examples per device and step.
        eval_batch_tokens: tokens, padding included, of one batch in evaluation and attack.
        max_length: tokens of one example; what is cut is counted.
        oracle: whether target dev sets are validated on as well (logged, never used to choose anything).
        num_workers: processes that load data; 0 is fastest unless texts are augmented on the fly.
        parallel: sentence pairs, for regularizers and diagnostics of alignment; what holds a dev or test text of the
            task is left out of them.
        pair_batch_size: sentence pairs per device and step; None takes ``batch_size``.
        limit_train_examples: train on a seeded random subset of this size.
    """

    def __init__(
        self,
        *,
        tokenizer: str = "bundled",
        source: str = "en",
        batch_size: int = 32,
        eval_batch_tokens: int = 8192,
        max_length: int = 128,
        oracle: bool = True,
        num_workers: int = 0,
        limit_train_examples: int | None = None,
        parallel: ParallelCorpus | None = None,
        pair_batch_size: int | None = None,
    ) -> None:
        super().__init__(parallel, batch_size if pair_batch_size is None else pair_batch_size)
        # A device may see nothing of a small language: its share of the results is then empty, not wrong.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        sizes = {"batch_size": batch_size, "eval_batch_tokens": eval_batch_tokens, "pair_batch_size": pair_batch_size}
        for name, value in sizes.items():
            if value is not None and value < 1:
                raise ValueError(f"Expected argument `{name}` to be at least 1, but got {value}.")
        if limit_train_examples is not None and limit_train_examples < 1:
            raise ValueError(
                f"Expected argument `limit_train_examples` to be at least 1, but got {limit_train_examples}."
            )
        if num_workers < 0:
            raise ValueError(f"Expected argument `num_workers` to be at least 0, but got {num_workers}.")
        check_codes("source", [source])
        if max_length < 4:
            raise ValueError(f"Expected argument `max_length` to be at least 4, but got {max_length}.")
        self.tokenizer = tokenizer
        self.source = source
        self.batch_size = batch_size
        self.eval_batch_tokens = eval_batch_tokens
        self.max_length = max_length
        self.oracle = oracle
        self.num_workers = num_workers
        self.limit_train_examples = limit_train_examples
        self._augmentations: list[Augmentation] = []
        self._views: dict[str, Augmentation] = {}
        self._training_loader: ResumableLoader | None = None
        self._position: dict[str, int] | None = None
        self._loaded: dict[tuple[str, Language], TokenizedExamples] = {}

    # What a task says

    @property
    @abstractmethod
    def labels(self) -> list[str]:
        """The classes, in the order of the logits."""

    @property
    @abstractmethod
    def targets(self) -> list[Language]:
        """The languages, or language pairs, that are tested besides the source."""

    @abstractmethod
    def read(self, split: str, language: Language) -> list[Example]:
        """The examples of ``train``, ``dev`` or ``test`` in one language; what is left out goes to ``counts``."""

    def splits(self) -> dict[str, list[Language]]:
        """The evaluation splits and the languages of each, the source first."""
        everywhere: list[Language] = [self.source, *self.targets]
        return {"dev": everywhere if self.oracle else [self.source], "test": everywhere}

    # What the model, callbacks and commands use

    @cached_property
    def tokenization(self) -> Tokenization:
        """Texts to batches, for whoever asks the model about texts of its own."""
        return Tokenization(self.tokenizer, self.max_length)

    def add_augmentation(self, augment: Augmentation) -> None:
        """Registers a view of the training texts, made once an epoch where they are loaded (in the loader's workers; in
        this process if there are none), seeded by epoch and example."""
        self._augmentations.append(augment)

    def add_view(self, name: str, view: Augmentation) -> None:
        """Registers a second view of the training texts, ``batch["views"][name]``; made and seeded likewise."""
        self._views[name] = view

    def unseen_examples(self) -> list[Example]:
        """All dev and test examples, those that this run does not look at too: no training text may hold them."""
        tested = [example for own in self.test_sets for example in own.examples]
        return tested + [own for language in (self.source, *self.targets) for own in self.read("dev", language)]

    def unseen_units(self) -> dict[str, list[str]]:
        """By language, what the task puts into its texts as a whole: values of slots, entities. No pair of parallel
        text may be one of them, as none may hold a dev or test text; a task whose texts have no such parts has none."""
        return {}

    @property
    def train_examples(self) -> list[Example]:
        """The training set, before any augmentation."""
        return self._data("train", self.source).examples

    @property
    def train_tokens(self) -> int:
        """Tokens of the training set, as its texts are: what a pass over it passes."""
        return int(self._data("train", self.source).table.lengths.sum())

    @cached_property
    def validation_sets(self) -> list[EvaluationSet]:
        """Source dev, then the targets' (for the oracle); languages without dev examples are left out."""
        sets = self._evaluation_sets(["dev"])
        if not sets or sets[0].language != self.source:
            raise UserError(f"There are no dev examples in {self.source!r}, and by them the best epoch is chosen.")
        return sets

    @cached_property
    def test_sets(self) -> list[EvaluationSet]:
        """One set a language and test split, the source first."""
        return self._evaluation_sets([split for split in self.splits() if split != "dev"])

    def data_counts(self) -> dict[str, Any]:
        """What was read, cut and left out, for ``results.json``."""
        sizes: dict[str, dict[str, int]] = {}
        truncated: dict[str, dict[str, int]] = {}
        for (split, language), data in self._loaded.items():
            sizes.setdefault(split, {})[language_name(language)] = len(data)
            if cut := int(data.table.truncated.sum()):
                truncated.setdefault(split, {})[language_name(language)] = cut
        return {"examples": sizes, "truncated": truncated, **self.counts}

    # Lightning's hooks

    def prepare_data(self) -> None:
        """With several devices, one process a machine tokenizes the training texts; the others find its file."""
        if self.trainer and self.trainer.world_size > 1 and self.trainer.state.fn == "fit":
            self._data("train", self.source)
        super().prepare_data()

    def setup(self, stage: str) -> None:
        """Reads everything at once: a missing test file is told before hours of training, not after."""
        _ = self.validation_sets if stage == "fit" else None, self.test_sets

    def train_dataloader(self) -> DataLoader:
        data = self._data("train", self.source)
        if not len(data):
            raise ValueError(f"{type(self).__name__} has no training examples in {self.source!r}.")
        lengths = data.table.lengths.tolist()
        order = (lengths, self.batch_size, global_seed(), *self._place)
        options = {"pairs": self.pair_stream(), **self._worker_options}
        loader: ResumableLoader
        if data.changes:
            pools = PoolSampler(*order)
            collator = PoolCollator(self._collator(False), pools)
            loader = PoolLoader(data, batch_sampler=pools, collate_fn=collator, **options)
        else:
            sampler = TrainingSampler(*order)
            loader = ResumableLoader(data, batch_sampler=sampler, collate_fn=self._collator(False), **options)
        if self._position is not None:
            loader.load_state_dict(self._position)
            self._position = None
        self._check_interval(len(loader))
        self._training_loader = loader
        return loader

    # Lightning restores the loader's own state only if nobody asked for the number of steps before (the learning rate's
    # schedule does), so the position in the training data is kept here.

    def state_dict(self) -> dict[str, Any]:
        return self._training_loader.state_dict() if self._training_loader is not None else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._position = state_dict or None

    def val_dataloader(self) -> list[DataLoader]:
        return [self._evaluation_loader(own) for own in self.validation_sets]

    def test_dataloader(self) -> list[DataLoader]:
        return [self._evaluation_loader(own) for own in self.test_sets]

    # Inside

    def _check_interval(self, batches: int) -> None:
        interval = getattr(self.trainer, "val_check_interval", None)
        by_epoch = getattr(self.trainer, "check_val_every_n_epoch", None) is not None
        if by_epoch and isinstance(interval, int) and interval > batches:
            raise UserError(
                f"trainer.val_check_interval: expected at most the {batches} batches of an epoch, but got {interval}."
            )

    @property
    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    @property
    def _worker_options(self) -> dict[str, Any]:
        return {"num_workers": self.num_workers, "pin_memory": torch.cuda.is_available()}

    def _collator(self, to_grid: bool) -> Collator:
        return Collator(self.tokenization, to_grid)

    def _data(self, split: str, language: Language) -> TokenizedExamples:
        key = (split, language)
        if key not in self._loaded:
            examples = self.read(split, language)
            if split == "train":
                examples = self._limited(examples)
            augmentations, views = (self._augmentations, self._views) if split == "train" else ([], {})
            self._loaded[key] = TokenizedExamples(examples, self.tokenization, augmentations, views, global_seed())
        return self._loaded[key]

    def _limited(self, examples: list[Example]) -> list[Example]:
        if self.limit_train_examples is None or self.limit_train_examples >= len(examples):
            return examples
        rng = np.random.default_rng(derived_seed("subset", global_seed()))
        return [examples[i] for i in sorted(rng.permutation(len(examples))[: self.limit_train_examples])]

    def _evaluation_sets(self, splits: list[str]) -> list[EvaluationSet]:
        sets = []
        for split in splits:
            for language in self.splits()[split]:
                examples = self._data(split, language).examples
                if examples:
                    sets.append(EvaluationSet(split, language, examples))
        return sets

    def _evaluation_loader(self, own: EvaluationSet) -> DataLoader:
        data = self._data(own.split, own.language)
        lengths = data.table.lengths.tolist()
        sampler = EvaluationSampler(lengths, self.eval_batch_tokens, *self._place)
        return DataLoader(data, batch_sampler=sampler, collate_fn=self._collator(True), **self._worker_options)

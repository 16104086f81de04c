"""Zero-shot cross-lingual classification: trained in one language, tested in many."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from xltrobust.checks import require_at_least
from xltrobust.datamodules.dataset import Augmentation, Collator, TokenizedExamples, View
from xltrobust.datamodules.loaders import Loaders, TargetTurns
from xltrobust.datamodules.parallel.corpus import ParallelCorpus
from xltrobust.datamodules.parallel.supply import ParallelText
from xltrobust.datamodules.samplers import ResumableLoader
from xltrobust.datamodules.splits import Splits
from xltrobust.encoders.normalizing import Normalization, checked_normalization
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import UserError
from xltrobust.example import EvaluationSet, Example, Language
from xltrobust.seeding import global_seed
from xltrobust.text.languages import check_codes


class CrossLingualClassification(ParallelText, ABC):
    """Base of all tasks: trained and validated in the language ``source``, tested in the source and all targets.

    A task names its ``labels`` and ``targets`` and ``read``s one split in one language. Batching, tokenization,
    sharding and resuming are done here.

    Args:
        tokenizer: hub name, local directory, ``bundled`` or ``bundled-cnn``; the command line sets it to the
            model's encoder.
        source: the language of the training data.
        batch_size: training examples per device and step.
        drop_last: whether the examples that do not fill the last batch of an epoch are left out, other ones in every
            epoch. Otherwise that batch is smaller, and each epoch has every example once.
        eval_batch_tokens: tokens per batch, padding included, in evaluation and attack.
        max_length: tokens per example; longer texts are cut, and counted.
        normalize: what is done to every text before the tokenizer reads it, in training, tests and attacks. ``nfkc``:
            Unicode's compatibility form; ``strip``: characters that are not displayed are taken out.
        num_workers: processes that load data; 0 is fastest unless texts are augmented during training.
        max_train_examples: cap on the training examples, which are chosen at random by the run's seed. Labels keep
            their shares in every capped set, and a smaller set is part of a larger one
            (:func:`~xltrobust.datamodules.subsets.representative_subset`).
        max_dev_examples: cap on the dev examples of a language: the same in every run, and the same items in all
            languages where items are translations.
        max_test_examples: cap on the examples of a language in each test split, likewise.
        validate_targets: validate on the dev sets of the target languages too, after every so many epochs; 0 never
            does. Their accuracies are logged and reported as an oracle's and never used to choose anything.
        parallel: sentence pairs, for regularizers and diagnostics of alignment. Pairs that contain a dev or test text
            of the task are left out.
        pair_batch_size: sentence pairs per device and step; None takes ``batch_size``.
        pair_rounds: how often each sentence pair is visited over the planned steps of the training; the sizes of the
            batches of pairs follow from it, and steps without a term that reads pairs get none. None goes over the
            pairs, ``pair_batch_size`` a step, as often as the training's length allows. It needs a training whose
            length is known beforehand (``trainer.max_epochs`` or ``max_steps``, not ``max_passes``). See
            :class:`~xltrobust.datamodules.parallel.rounds.RoundsSampler`.

    Raises:
        ValueError: if a number is out of its range, or both ``pair_batch_size`` and ``pair_rounds`` are given.
    """

    def __init__(
        self,
        *,
        tokenizer: str = "bundled",
        source: str = "en",
        batch_size: int = 32,
        drop_last: bool = True,
        eval_batch_tokens: int = 8192,
        max_length: int = 128,
        normalize: Normalization = "none",
        num_workers: int = 0,
        max_train_examples: int | None = None,
        max_dev_examples: int | None = None,
        max_test_examples: int | None = None,
        validate_targets: int = 0,
        parallel: ParallelCorpus | None = None,
        pair_batch_size: int | None = None,
        pair_rounds: int | None = None,
    ) -> None:
        super().__init__(parallel, batch_size if pair_batch_size is None else pair_batch_size, pair_rounds)
        # A device may get no examples of a small language: its share of the results is then empty, not wrong.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        caps = {"train": max_train_examples, "dev": max_dev_examples, "test": max_test_examples}
        sizes = {"batch_size": batch_size, "eval_batch_tokens": eval_batch_tokens, "pair_batch_size": pair_batch_size}
        sizes["pair_rounds"] = pair_rounds
        if pair_batch_size is not None and pair_rounds is not None:
            raise ValueError(
                f"Expected argument `pair_batch_size` to be None with `pair_rounds`, from which the size of a batch of "
                f"pairs follows, but got {pair_batch_size}."
            )
        require_at_least(1, **sizes, **{f"max_{split}_examples": cap for split, cap in caps.items()})
        require_at_least(0, num_workers=num_workers, validate_targets=validate_targets)
        require_at_least(4, max_length=max_length)
        check_codes("source", [source])
        self.tokenizer = tokenizer
        self.source = source
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.eval_batch_tokens = eval_batch_tokens
        self.max_length = max_length
        self.normalize = checked_normalization(normalize)
        self.num_workers = num_workers
        self.validate_targets = validate_targets
        self._splits = Splits(self.read, caps)
        self._augmentations: list[Augmentation] = []
        self._stages: list[int] = []  # of the augmentations
        self._views: dict[str, View] = {}
        self._training_loader: ResumableLoader | None = None
        self._position: dict[str, int] | None = None

    # What a task says

    @property
    @abstractmethod
    def labels(self) -> list[str]:
        """The names of the classes, in the order of the logits."""

    @property
    @abstractmethod
    def targets(self) -> list[Language]:
        """The languages, or pairs of languages, that are tested besides the source."""

    @abstractmethod
    def read(self, split: str, language: Language) -> list[Example]:
        """All examples of ``train``, ``dev`` or ``test`` in one language; ``counts`` says what was left out and why."""

    def splits(self) -> dict[str, list[Language]]:
        """The splits that models are evaluated on, and the languages of each, the source first."""
        everywhere: list[Language] = [self.source, *self.targets]
        return {"dev": everywhere if self.validate_targets else [self.source], "test": everywhere}

    # What the model, callbacks and commands use

    @cached_property
    def tokenization(self) -> Tokenization:
        """Turns texts into batches; for attacks, which ask the model about new texts."""
        return Tokenization(self.tokenizer, self.max_length, self.normalize)

    def add_augmentation(self, augment: Augmentation, stage: int = 1) -> None:
        """Has the training texts changed anew in every epoch, seeded by epoch and example.

        That is done where texts are loaded: in the loader's workers, or in this process if there are none. Those of a
        lower ``stage`` come first; within a stage, those that were added first.
        """
        place = bisect_right(self._stages, stage)
        self._stages.insert(place, stage)
        self._augmentations.insert(place, augment)

    def add_view(self, name: str, view: View) -> None:
        """Has a second version of every training text put into ``batch["views"][name]``; made and seeded likewise.

        It is made of the text, or of the translation that an augmentation of stage 0 has put in its place.
        """
        self._views[name] = view

    def unseen_examples(self) -> list[Example]:
        """All dev and test examples, which no training text may contain: also those that this run does not use."""
        places = [(split, language) for split in self._test_splits() for language in self.splits()[split]]
        places += [("dev", language) for language in (self.source, *self.targets)]
        return [example for split, language in places for example in self.read(split, language)]

    def unseen_units(self) -> dict[str, list[str]]:
        """By language, the parts that texts are put together from, such as slot values and entities; by default none.

        No sentence pair of the parallel text may be one of them.
        """
        return {}

    @property
    def train_examples(self) -> list[Example]:
        """The training set, before any augmentation."""
        return self._data("train", self.source).examples

    def examples_before(self, augment: Augmentation, at_most: int = 1000) -> list[Example]:
        """What the first epoch gives an augmentation to change, of at most so many evenly spaced training examples."""
        data = self._data("train", self.source)
        step = max(1, -(-len(data) // at_most))
        return [own for i in range(0, len(data), step) for own in data.augmented(i, 0, 0, until=augment)[0]]

    @property
    def train_tokens(self) -> int:
        """Tokens of the training set before any augmentation: what a model passes in one pass over it."""
        return int(self._data("train", self.source).table.lengths.sum())

    @property
    def train_lengths(self) -> np.ndarray:
        """Tokens of each training text before any augmentation, shape (N,)."""
        return self._data("train", self.source).table.lengths

    def clean_batch(self, places: np.ndarray) -> dict[str, torch.Tensor]:
        """A batch of training examples, by their places in the training set, without augmentation or views."""
        data = self._data("train", self.source)
        rows: list[dict[str, Any]] = [
            data.table.row(place) | {"label": data.examples[place].label, "index": place} for place in places.tolist()
        ]
        return Collator(self.tokenization, to_grid=False)(rows)

    @cached_property
    def validation_sets(self) -> list[EvaluationSet]:
        """The source's dev set, then the targets' if they are validated on; languages without dev examples are left
        out.

        Raises:
            UserError: if the source has none.
        """
        sets = self._evaluation_sets(["dev"])
        if not sets or sets[0].language != self.source:
            raise UserError(
                f"There are no dev examples in the source language, {self.source!r}, by which the best epoch is chosen."
            )
        return sets

    def validated_now(self) -> list[EvaluationSet]:
        """Those of :attr:`validation_sets` that are validated after the trainer's present epoch."""
        return self.validation_sets if self._targets_are_due() else self.validation_sets[:1]

    @cached_property
    def test_sets(self) -> list[EvaluationSet]:
        """One set for each test split and language, the source first."""
        return self._evaluation_sets(self._test_splits())

    def data_counts(self) -> dict[str, Any]:
        """What was read, cut and left out, for ``results.json``."""
        return self._splits.counts() | self.counts

    # Lightning's hooks

    def prepare_data(self) -> None:
        """With several devices, one process per machine tokenizes the training texts; the others read its file."""
        if self.trainer and self.trainer.world_size > 1 and self.trainer.state.fn == "fit":
            self._data("train", self.source)
        super().prepare_data()

    def setup(self, stage: str) -> None:
        """Reads all evaluation data, so that a missing test file is reported before the training and not after it."""
        _ = self.validation_sets if stage == "fit" else None, self.test_sets

    def train_dataloader(self) -> DataLoader:
        data = self._data("train", self.source)
        if not len(data):
            raise ValueError(f"{type(self).__name__} has no training examples in {self.source!r}.")
        loader = self._loaders.training(data, self.batch_size, global_seed(), self.drop_last)
        loader.pairs = self.pair_stream(len(loader))
        if self._position is not None:
            loader.load_state_dict(self._position)
            self._position = None
        self._check_interval(len(loader))
        self._training_loader = loader
        return loader

    # Lightning restores the loader's own state only if nobody asked for the number of steps before (the learning rate's
    # schedule does), so the position in the training data is kept here.

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | (self._training_loader.state_dict() if self._training_loader is not None else {})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._position = state_dict if "delivered" in state_dict else None

    def val_dataloader(self) -> list[DataLoader]:
        turns, loaders, limit = TargetTurns(self._targets_are_due), self._loaders, self.eval_batch_tokens
        return [
            loaders.validation(self._data("dev", each.language), limit, turns, source=each.language == self.source)
            for each in self.validation_sets
        ]

    def test_dataloader(self) -> list[DataLoader]:
        return [
            self._loaders.test(self._data(each.split, each.language), self.eval_batch_tokens) for each in self.test_sets
        ]

    # Inside

    def _check_interval(self, batches: int) -> None:
        interval = getattr(self.trainer, "val_check_interval", None)
        by_epoch = getattr(self.trainer, "check_val_every_n_epoch", None) is not None
        if by_epoch and isinstance(interval, int) and interval > batches:
            raise UserError(
                f"trainer.val_check_interval: expected at most the {batches} batches of an epoch, but got {interval}."
            )

    def _targets_are_due(self) -> bool:
        """Whether the present validation covers the targets; one outside of a training always does."""
        if self.trainer is None or self.trainer.state.fn != "fit":
            return True
        return self.validate_targets > 0 and (self.trainer.current_epoch + 1) % self.validate_targets == 0

    @property
    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    @property
    def _worker_options(self) -> dict[str, Any]:
        return {"num_workers": self.num_workers, "pin_memory": torch.cuda.is_available()}

    @property
    def _loaders(self) -> Loaders:
        return Loaders(self.tokenization, self._worker_options, *self._place)

    def _data(self, split: str, language: Language) -> TokenizedExamples:
        views = (self._augmentations, self._views, self._stages) if split == "train" else ()
        return self._splits.get(split, language, self.tokenization, *views)

    def _test_splits(self) -> list[str]:
        return [split for split in self.splits() if split != "dev"]

    def _evaluation_sets(self, splits: list[str]) -> list[EvaluationSet]:
        places = [(split, language) for split in splits for language in self.splits()[split]]
        sets = [EvaluationSet(split, language, self._data(split, language).examples) for split, language in places]
        return [evaluation_set for evaluation_set in sets if evaluation_set.examples]

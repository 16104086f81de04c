"""A control of methods that spend passes on sentence pairs: the same passes, spent on more of the task's own texts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch import Tensor

from xltrobust.datamodules.parallel.rounds import part_of_rounds
from xltrobust.errors import UserError
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.regularizers.base import Regularizer
from xltrobust.seeding import derived_seed, global_seed


class ExtraCleanBatches(Regularizer):
    """Adds the task loss on further labelled examples, clean and unaugmented, beside each batch of the task.

    With a parallel corpus, the examples of each batch have as many tokens as the sentence pairs that a method with the
    data's ``pair_batch_size`` or ``pair_rounds`` trains on in that step under the same seed, to the last example; what
    is missing is carried to the next step. So a plain training costs the passes of sentence alignment. The
    task's batches stay as they are, and every example comes equally often, in an order of its own.

    Cost of a training step: one forward and one full backward pass of the further examples.

    Args:
        examples: further examples of each batch and device, in place of as many tokens as the pairs have.
        weight: of the term in the loss, or the ``share`` of the task's gradient that sets it.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if ``examples`` is below 1.
        UserError: at the start, if there are neither ``examples`` nor a parallel corpus.
    """

    def __init__(self, *, examples: int | None = None, weight: Weight = 1.0, name: str | None = None) -> None:
        super().__init__(weight=weight, name=name)
        if examples is not None and examples < 1:
            raise ValueError(f"Expected argument `examples` to be at least 1, but got {examples}.")
        self.examples = examples
        self._lengths = np.zeros(0, np.int64)
        self._pairs: Iterator[int] = iter(())  # tokens of the pairs of each batch, from the first batch on
        self._batches, self._tokens = 0, 0  # of those that were read
        self._device = 0
        self._round = lru_cache(2)(self._shuffled)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if stage == "fit" and self.examples is None and data.parallel is None:
            raise UserError(
                "ExtraCleanBatches: there are no sentence pairs to match: give `examples`, or name the sources "
                "of pairs in data.init_args.parallel."
            )
        if stage == "fit" and self.examples is None:
            data.require_pairs()
        super().setup(trainer, pl_module, stage)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        self._lengths, self._device = data.train_lengths, trainer.global_rank
        self._batches = self._tokens = 0
        self._round.cache_clear()
        if self.examples is None:
            self._pairs = data.pair_tokens_by_batch(len(trainer.train_dataloader))  # type: ignore[arg-type]

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor | None:
        chosen = self.chosen(module.trainer.fit_loop.epoch_loop.total_batch_idx)
        if not len(chosen):
            return None
        model: Any = module
        extra = {name: value.to(model.device) for name, value in model.trainer.datamodule.clean_batch(chosen).items()}
        model.task_examples += len(chosen)
        return module.objective.loss(Output(module, extra).logits, extra["labels"])

    def chosen(self, number: int) -> np.ndarray:
        """The training examples beside a batch of the training, 0 the first; by their places in the training set."""
        if self.examples is not None:
            return self._between(number * self.examples, (number + 1) * self.examples)
        before = self._tokens
        while self._batches <= number:
            before = self._tokens
            self._tokens += next(self._pairs)
            self._batches += 1
        return self._between(self._place(before), self._place(self._tokens))

    def _place(self, tokens: int) -> int:
        """How many examples, in order, have this many tokens, or less than one example fewer."""
        rounds, rest = divmod(tokens, int(self._lengths.sum()))
        ends = np.cumsum(self._lengths[self._round(rounds)])
        return rounds * len(self._lengths) + int(np.searchsorted(ends, rest, side="right"))

    def _between(self, first: int, end: int) -> np.ndarray:
        return part_of_rounds(self._round, len(self._lengths), first, end)

    def _shuffled(self, number: int) -> np.ndarray:
        rng = np.random.default_rng(derived_seed("extra examples", global_seed(), self._device, number))
        return rng.permutation(len(self._lengths))

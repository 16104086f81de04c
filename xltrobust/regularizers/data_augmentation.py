"""Randomized smoothing by data augmentation (RS-DA): training on random views of the texts, new in every epoch."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities import rank_zero_info

from xltrobust.example import Example, language_name
from xltrobust.perturb.matching_rate import with_rate, words_changed
from xltrobust.perturb.random_view import RandomView
from xltrobust.regularizers.base import Regularizer


class DataAugmentation(Regularizer):
    """Trains on random views of the texts in place of the texts, such as with words replaced by synonyms.

    The views are made during training, where texts are loaded (in ``num_workers`` processes, if any), by the
    perturbations of the attacks. A view depends on the seed, the epoch and the example alone. The published code
    instead writes ten augmented copies of PAWS-X to a file and trains on each for three epochs: six times the passes of
    its baseline.

    Beside methods that translate the texts or words of them, the views are of what these have made: words of other
    languages are changed too, by the rules of the text's language where that has not changed. A text in a language that
    the perturbation cannot change stays as it is; if there are such, a line at the start says so, and ``results.json``
    has the share of the others, estimated on up to 1,000 examples of the first epoch (``views_supported``). What
    ``keep_clean`` keeps is the translated text.

    The share of words that the views change is estimated at the start, on texts that nothing else has changed
    (``words_changed`` of the data in ``results.json``), as that of the words that :class:`CodeSwitching` switches. A
    view with ``words_changed`` gets the rate that changes that share (``view_rate``): with code switching's share it is
    a neutral control of that, as many words replaced and none of them by a translation.

    Cost of a training step: that of a plain one on texts of the views' length; twice that with ``keep_clean``.

    Args:
        view: the perturbation that changes the texts, and how much.
        keep_clean: train on the clean texts as well, in the same batches.
        name: tells it from another DataAugmentation of the same training.

    Raises:
        UserError: at the start, if the perturbation cannot change texts in the source language, or not as many words
            as the view is to change.

    References:
        - Huang et al. Improving zero-shot cross-lingual transfer learning via robust training. EMNLP 2021.
        - Ye et al. SAFER: a structure-free approach for certified robustness to adversarial word substitutions.
          ACL 2020.
    """

    stage = 2

    def __init__(self, *, view: RandomView, keep_clean: bool = False, name: str | None = None) -> None:
        super().__init__(name=name)
        self.view = self._view = view
        self.keep_clean = keep_clean

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            self.prepare(trainer.datamodule)  # type: ignore[attr-defined]
        super().setup(trainer, pl_module, stage)

    def prepare(self, data: Any) -> None:
        """Finds the views' rate where they are to change a share of words, and measures what they change."""
        self.view.perturbation.require(data.source)
        view = with_rate(self.view, data.train_examples)
        if view is not self.view:
            data.counts.setdefault("view_rate", {})[self.name] = view.rate
        self._view = view
        data.counts.setdefault("words_changed", {})[self.name] = round(words_changed(view, data.train_examples), 4)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measures how many of the texts that it is given, which others may have translated, it can change."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        languages = Counter(example.language for example in data.examples_before(self.augment))
        left = [code for code in languages if not self.view.perturbation.changes(code)]
        if not left:
            return
        share = 1 - sum(languages[code] for code in left) / languages.total()
        data.counts.setdefault("views_supported", {})[self.name] = round(share, 4)
        kind, names = type(self.view.perturbation).__name__, ", ".join(sorted(map(language_name, left)))
        rank_zero_info(
            f"{self.name}: {1 - share:.0%} of the training texts stay as they are: {kind} cannot change {names}."
        )

    def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        views = [self._view(example, rng) for example in examples]
        return [*examples, *views] if self.keep_clean else views

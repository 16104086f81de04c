"""Alignment after the fact: each language's vectors rotated onto the source language's, the encoder left as it is."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor

from xltrobust.datamodules.parallel.stream import PairBatches
from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.word_vectors import Subwords, word_vectors
from xltrobust.errors import IncompatibleRegularizer
from xltrobust.regularizers.base import Regularizer
from xltrobust.regularizers.procrustes import orthogonal_map
from xltrobust.text.languages import base_language

_AT_ONCE = 128  # sentence pairs


class LinearMapping(Regularizer):
    """Fits an orthogonal matrix for each language, by which the encoder's output of its texts is multiplied.

    Fitted before training, on contextual vectors of aligned words of the parallel corpus, by Procrustes: no matrix with
    orthonormal columns brings the language's words nearer to their translations in the source language, which itself is
    not mapped. The encoder has to be frozen (``model.freeze_encoder``): on one that trains on, the matrices would
    go stale. The matrices are part of the model and its checkpoints.

    Cost: one forward pass of the pairs that it is fitted on; nothing in a step of training.

    Args:
        max_pairs: sentence pairs of each pair of languages to fit on, the first of the corpus' order.
        subwords: a word's vector: its ``first`` or ``last`` subword's, or their ``mean``.
        name: in results.

    Raises:
        ValueError: if ``max_pairs`` is not positive.
        IncompatibleRegularizer: at the start, if the encoder is not frozen, or no pair has the task's source language.

    References:
        - Schuster et al. Cross-lingual alignment of contextual word embeddings. NAACL 2019.
        - Wang et al. Cross-lingual BERT transformation for zero-shot dependency parsing. EMNLP 2019.
    """

    def __init__(self, *, max_pairs: int = 10_000, subwords: Subwords = "mean", name: str | None = None) -> None:
        super().__init__(name=name)
        if max_pairs < 1:
            raise ValueError(f"Expected argument `max_pairs` to be at least 1, but got {max_pairs}.")
        self.max_pairs, self.subwords = max_pairs, subwords

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        module: Any = pl_module
        if any(own.requires_grad for own in module.encoder.parameters()):
            raise IncompatibleRegularizer(
                "LinearMapping is fitted on the encoder as it is, and goes stale when that trains on: set "
                "model.freeze_encoder to true."
            )
        if not module.language_maps.languages:  # a resumed run has them
            self.fit(module, trainer.datamodule)  # type: ignore[attr-defined]

    def fit(self, module: Any, data: Any) -> None:
        """Gives the module a matrix for each language that has word pairs with the source language.

        Raises:
            IncompatibleRegularizer: if none has.
        """
        source = base_language(data.source)
        data.aligned_words()
        vectors: dict[str, list[tuple[Tensor, Tensor]]] = {}
        for languages in data.pairs.languages:
            sides = [base_language(own) for own in languages]
            if source in sides:
                first, second = self._vectors(module, data, data.pairs.rows(languages)[: self.max_pairs].tolist())
                forth = sides[0] == source
                both = (second, first) if forth else (first, second)
                vectors.setdefault(sides[1] if forth else sides[0], []).append(both)
        matrices: dict[str, Tensor] = {}
        for language, found in vectors.items():  # of a language in several spellings or directions, all together
            own, pivot = (torch.cat(side) for side in zip(*found, strict=True))
            if len(own):
                matrices[language] = orthogonal_map(own, pivot)
        if not matrices:
            raise IncompatibleRegularizer(
                f"LinearMapping: no language has words aligned with {data.source!r} in the parallel corpus."
            )
        for language, matrix in matrices.items():  # at once: none is fitted on vectors that another one has mapped
            module.language_maps.set(language, matrix.to(module.device, torch.float32))
        rank_zero_info(f"Linear maps fitted for {', '.join(matrices)}.")

    @torch.no_grad()
    def _vectors(self, module: Any, data: Any, rows: list[int]) -> tuple[Tensor, Tensor]:
        """Vectors of aligned words, shape (L, H) for either side."""
        batches = PairBatches(data.pairs, data.tokenization, data.word_pairs)
        found: list[tuple[Tensor, Tensor]] = []
        training = module.training
        module.eval()
        for indices in length_batches(data.pairs.lengths[rows].tolist(), _AT_ONCE * 64):
            batch = {name: value.to(module.device) for name, value in batches[[rows[i] for i in indices]].items()}
            hidden = module.encode(module.embed(batch), batch)
            if module.global_rank == 0:  # a part of what the training costs, which every device does over
                module.passes.count(hidden, batch["attention_mask"])
            vectors = word_vectors(hidden, batch["words"], self.subwords)
            sources, targets = vectors[batch["links"].T]
            found.append((sources.cpu(), targets.cpu()))
        module.train(training)
        return torch.cat([own for own, _ in found]), torch.cat([own for _, own in found])

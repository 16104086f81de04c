"""Alignment of a frozen encoder: each language's vectors are rotated onto those of the source language."""

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

_AT_ONCE = 128  # sentence pairs of 64 tokens in a batch


class LinearMapping(Regularizer):
    """Fits an orthogonal matrix for each language and multiplies the encoder's output for its texts by it.

    The matrices are fitted before training, by orthogonal Procrustes on contextual vectors of the words aligned in the
    parallel corpus: no orthogonal matrix brings the language's words nearer, in squared distance, to their translations
    in the source language, which is not mapped itself. The encoder has to be frozen (``model.freeze_encoder``), or the
    matrices would go stale. They are part of the model and its checkpoints.

    Cost: one forward pass of the pairs that it is fitted on; nothing in a training step.

    Args:
        max_pairs: the most sentence pairs of a language pair to fit on, the first ones of the corpus.
        subwords: the vector of a word: that of its ``first`` or ``last`` subword, or the ``mean`` of all.
        name: of the regularizer in results.

    Raises:
        ValueError: if ``max_pairs`` is not positive.
        IncompatibleRegularizer: at the start, if the encoder is not frozen, or the corpus has no words aligned with the
            source language.

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
        if any(parameter.requires_grad for parameter in module.encoder.parameters()):
            raise IncompatibleRegularizer(
                "LinearMapping is fitted on the encoder before training and goes stale if that is trained: set "
                "model.freeze_encoder to true."
            )
        if not module.language_maps.languages:  # a resumed run has them already
            self.fit(module, trainer.datamodule)  # type: ignore[attr-defined]

    def fit(self, module: Any, data: Any) -> None:
        """Gives the module a matrix for each language with words aligned to the source language.

        Raises:
            IncompatibleRegularizer: if there is no such language.
        """
        source = base_language(data.source)
        data.aligned_words()
        vectors: dict[str, list[tuple[Tensor, Tensor]]] = {}
        for languages in data.pairs.languages:
            sides = [base_language(language) for language in languages]
            if source in sides:
                first, second = self._vectors(module, data, data.pairs.rows(languages)[: self.max_pairs].tolist())
                forth = sides[0] == source
                both = (second, first) if forth else (first, second)
                vectors.setdefault(sides[1] if forth else sides[0], []).append(both)
        matrices: dict[str, Tensor] = {}
        for language, found in vectors.items():  # from all spellings and directions of a language
            mapped, pivot = (torch.cat(side) for side in zip(*found, strict=True))
            if len(mapped):
                matrices[language] = orthogonal_map(mapped, pivot)
        if not matrices:
            raise IncompatibleRegularizer(
                f"LinearMapping: no language has words aligned with {data.source!r} in the parallel corpus."
            )
        for language, matrix in matrices.items():  # set after all are fitted, so that none is fitted on mapped vectors
            module.language_maps.set(language, matrix.to(module.device, torch.float32))
        rank_zero_info(f"Linear maps fitted for {', '.join(matrices)}.")

    @torch.no_grad()
    def _vectors(self, module: Any, data: Any, rows: list[int]) -> tuple[Tensor, Tensor]:
        """Vectors of aligned words, shape (L, H) for each side."""
        batches = PairBatches(data.pairs, data.tokenization, data.word_pairs)
        found: list[tuple[Tensor, Tensor]] = []
        training = module.training
        module.eval()
        for indices in length_batches(data.pairs.lengths[rows].tolist(), _AT_ONCE * 64):
            batch = {name: value.to(module.device) for name, value in batches[[rows[i] for i in indices]].items()}
            hidden = module.encode(module.embed(batch), batch)
            if module.global_rank == 0:  # part of the training's cost; every device repeats it, but it counts once
                module.passes.count(hidden, batch["attention_mask"])
            vectors = word_vectors(hidden, batch["words"], self.subwords)
            sources, targets = vectors[batch["links"].T]
            found.append((sources.cpu(), targets.cpu()))
        module.train(training)
        return torch.cat([sources for sources, _ in found]), torch.cat([targets for _, targets in found])

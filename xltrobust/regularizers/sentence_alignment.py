"""Sentence-level alignment: pulls the vectors of a text and its translation together."""

from __future__ import annotations

from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional as F

from xltrobust.checks import checked_temperature
from xltrobust.encoders.load import has_dropout
from xltrobust.errors import IncompatibleRegularizer
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.regularizers.parallel import AlignmentRegularizer, info_nce

Loss = Literal["info_nce", "mse"]
Side = Literal["source", "target"]
Vector = Literal["pooled", "classifier"]


class SentenceAlignment(AlignmentRegularizer):
    """Pulls the vectors of translations together, on batches of sentence pairs beside those of the task.

    ``mse`` is the loss of XeroAlign, the mean squared difference of the vectors. Only the task keeps them apart from
    those of other sentences. XeroAlign's code aligns the input of its classifier's last layer, tanh(dense(<s>)), as
    with ``vector: classifier``; the default is the pooled vector before that layer. XeroAlign pairs the task's training
    texts with their translations; here the pairs are those of the data's parallel corpus.

    ``info_nce`` is contrastive: each text is to be nearest, by cosine, to its translation among the other side's texts
    of the batch, on all devices together, in both directions. Pairs that share a text, on either side, are no negatives
    of each other, so a text that occurs in pairs of several languages is a negative neither of its translations nor of
    itself. There is no queue of earlier batches, which InfoXLM has.

    With the corpus's control ``source_views`` the two texts of a pair are one, and the term is that of unsupervised
    SimCSE, with negatives from both directions: what the contrastive loss does without any translation.

    Cost of a training step: one forward and one full backward pass of both texts of the pairs.

    Args:
        loss: ``info_nce`` or ``mse``.
        temperature: τ of ``info_nce``.
        vector: the vectors to align: the ``pooled`` ones, or the inputs of the ``classifier``'s last layer.
        stop_gradient: the side whose vectors are constant, so that only the other side's move; None moves both, as
            XeroAlign's code does.
        weight: of the term in the loss, or the ``share`` of the task's gradient that sets it.
        pretraining_share: see :class:`~xltrobust.regularizers.parallel.AlignmentRegularizer`.
        name: of the term in logs; None takes the class's name in snake case.

    Raises:
        ValueError: if the loss, vector or side is unknown, a number is out of its range, or the classifier's vector is
            to be aligned before the task is trained.
        IncompatibleRegularizer: at the start, if the two views of a source text would be the same, for want of dropout.

    References:
        - Gritta & Iacobacci. XeroAlign: zero-shot cross-lingual transformer alignment. Findings of ACL 2021.
        - Chi et al. InfoXLM: an information-theoretic framework for cross-lingual language model pre-training.
          NAACL 2021.
        - Gao et al. SimCSE: simple contrastive learning of sentence embeddings. EMNLP 2021.
    """

    needs = frozenset(["sentence_pairs"])

    def __init__(
        self,
        *,
        loss: Loss = "info_nce",
        temperature: float = 0.1,
        vector: Vector = "pooled",
        stop_gradient: Side | None = None,
        weight: Weight = 1.0,
        pretraining_share: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(weight=weight, pretraining_share=pretraining_share, name=name)
        if loss not in ("info_nce", "mse"):
            raise ValueError(f"Expected argument `loss` to be 'info_nce' or 'mse', but got {loss!r}.")
        if stop_gradient not in (None, "source", "target"):
            raise ValueError(
                f"Expected argument `stop_gradient` to be 'source', 'target' or None, but got {stop_gradient!r}."
            )
        if vector not in ("pooled", "classifier"):
            raise ValueError(f"Expected argument `vector` to be 'pooled' or 'classifier', but got {vector!r}.")
        if vector == "classifier" and pretraining_share:
            raise ValueError(
                "Expected argument `pretraining_share` to be 0 with `vector` 'classifier', a layer that only the task "
                f"trains, but got {pretraining_share}."
            )
        self.loss, self.vector, self.stop_gradient = loss, vector, stop_gradient
        self.temperature = checked_temperature(temperature)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            pairs, module = trainer.datamodule.pairs, pl_module  # type: ignore[attr-defined]
            if pairs.control == "source_views" and pairs.view is None and not has_dropout(module.encoder):  # type: ignore[arg-type]
                raise IncompatibleRegularizer(
                    "The control source_views tells two views of a text apart by dropout, and the encoder has none: "
                    "set model.dropout, or `source_view` of the corpus."
                )
        super().setup(trainer, pl_module, stage)

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        vectors = output.pairs.features if self.vector == "classifier" else output.pairs.pooled
        sources, targets = vectors.chunk(2)
        if self.stop_gradient == "source":
            sources = sources.detach()
        if self.stop_gradient == "target":
            targets = targets.detach()
        if self.loss == "mse":
            return F.mse_loss(sources.float(), targets.float())
        return self._contrastive(module, sources, targets, batch["pairs"]["texts"])

    def _contrastive(self, module: Trained, sources: Tensor, targets: Tensor, texts: Tensor) -> Tensor:
        ids = torch.stack(texts.chunk(2))
        all_sources, all_targets, all_ids, rank = sources, targets, ids, 0
        if module.trainer.world_size > 1:
            # Each device scores its texts against those of all devices, to which the gradients flow back.
            vectors: Any = module.all_gather(torch.stack([sources, targets]), sync_grads=True)
            known: Any = module.all_gather(ids)
            all_sources, all_targets = vectors.transpose(0, 1).flatten(1, 2)
            all_ids, rank = known.transpose(0, 1).flatten(1), module.global_rank
        positives = torch.arange(len(sources), device=sources.device) + rank * len(sources)
        # Pairs that share a text, even a source of one and a target of the other, may be translations of each other.
        same = (ids[:, None, :, None] == all_ids[None, :, None, :]).flatten(0, 1).any(0)
        forth = info_nce(sources, all_targets, self.temperature, same, positives)
        back = info_nce(targets, all_sources, self.temperature, same, positives)
        return (forth.mean() + back.mean()) / 2

"""Sentence-level alignment: a text and its translation are to have one vector."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from xltrobust.checks import checked_temperature
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.regularizers.parallel import AlignmentRegularizer, info_nce

Loss = Literal["info_nce", "mse"]
Side = Literal["source", "target"]
Vector = Literal["pooled", "classifier"]


class SentenceAlignment(AlignmentRegularizer):
    """Pulls the pooled vectors of translations together, on batches of sentence pairs beside those of the task.

    ``mse`` is XeroAlign's: the mean squared difference of the vectors. Nothing in it keeps them apart from other
    sentences' but the task. XeroAlign's code aligns the vector that its classifier reads, tanh(dense(<s>)): that is
    ``vector: classifier``, the default being the pooled one before that layer. Its pairs are the task's own training
    texts and their translations; these are of whatever corpus the data have.

    ``info_nce`` is contrastive: among the other side's texts of the batch, those of all devices together, each text is
    to find its own translation, both ways, by cosine. Of pairs that share a text, on whichever side, no text is a
    negative of another: a text that occurs in pairs of several languages is none of its own translations', nor of
    itself. (There is no queue of earlier batches, as InfoXLM has.)

    Cost of a step of training: one forward and one full backward pass of both texts of the pairs.

    Args:
        loss: which.
        temperature: τ of ``info_nce``.
        vector: what is aligned: the ``pooled`` vector, or the one that the ``classifier``'s last layer reads.
        stop_gradient: the side whose vectors are taken as they are, so that only the other one's move; None moves
            both, as XeroAlign's code does.
        weight: of the term.
        pretraining_share: see :class:`~xltrobust.regularizers.parallel.AlignmentRegularizer`.
        name: of the term in logs.

    Raises:
        ValueError: if the loss, vector or side is unknown, a number is out of its range, or the classifier's vector is
            to be aligned before the task is trained.

    References:
        - Gritta & Iacobacci. XeroAlign: zero-shot cross-lingual transformer alignment. Findings of ACL 2021.
        - Chi et al. InfoXLM: an information-theoretic framework for cross-lingual language model pre-training.
          NAACL 2021.
    """

    needs = frozenset(["sentence_pairs"])

    def __init__(
        self,
        *,
        loss: Loss = "info_nce",
        temperature: float = 0.1,
        vector: Vector = "pooled",
        stop_gradient: Side | None = None,
        weight: float = 1.0,
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
            # Each device scores its own texts against everybody's; gradients of these go back to where they came from.
            vectors: Any = module.all_gather(torch.stack([sources, targets]), sync_grads=True)
            known: Any = module.all_gather(ids)
            all_sources, all_targets = vectors.transpose(0, 1).flatten(1, 2)
            all_ids, rank = known.transpose(0, 1).flatten(1), module.global_rank
        positives = torch.arange(len(sources), device=sources.device) + rank * len(sources)
        # Pairs that share a text, be it a source here and a target there, are translations of each other, or may be.
        same = (ids[:, None, :, None] == all_ids[None, :, None, :]).flatten(0, 1).any(0)
        forth = info_nce(sources, all_targets, self.temperature, same, positives)
        back = info_nce(targets, all_sources, self.temperature, same, positives)
        return (forth.mean() + back.mean()) / 2

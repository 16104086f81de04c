"""Word-level alignment: a word in its sentence and its translation in the other are to have one vector."""

from __future__ import annotations

import copy
from typing import Any, Literal

import torch
from torch import Tensor, nn

from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.alignment import AlignmentRegularizer, checked_temperature, info_nce

Loss = Literal["l2", "weak", "strong"]
Subwords = Literal["last", "mean"]


class WordAlignment(AlignmentRegularizer):
    """Pulls the contextual vectors of aligned words together; the words are those that the corpus' aligner links.

    ``l2`` is the squared distance of the two vectors, in mean over links and dimensions, and ``keep`` times that of the
    source sentence's tokens to those of the pretrained encoder, which holds the source in its place. The contrastive
    losses let each word find its own translation among the words of this device's batch by cosine, both ways: ``weak``
    among those of the other side, ``strong`` among those of both. (They do not look at other devices' words, of which
    each has another number.)

    Cost of a step of training: one forward and one full backward pass of both texts of the pairs; with ``keep`` one
    forward pass of the source texts more.

    Args:
        loss: which.
        keep: weight of holding the source in its place, in ``l2``; 0 leaves it out.
        temperature: τ of the contrastive losses.
        subwords: a word's vector: its ``last`` subword's, or their ``mean``.
        weight: of the term.
        before: see :class:`~xltrobust.regularizers.alignment.AlignmentRegularizer`.
        name: of the term in logs.

    Raises:
        ValueError: if an option is unknown, or a number is out of its range.

    References:
        - Cao et al. Multilingual alignment of contextual word representations. ICLR 2020 (``l2``).
        - Wu & Dredze. Do explicit alignments robustly improve multilingual encoders? EMNLP 2020 (``weak``, ``strong``).
    """

    needs = frozenset(["word_pairs"])

    def __init__(
        self,
        *,
        loss: Loss = "l2",
        keep: float = 1.0,
        temperature: float = 0.1,
        subwords: Subwords = "last",
        weight: float = 1.0,
        before: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(weight=weight, before=before, name=name)
        if loss not in ("l2", "weak", "strong"):
            raise ValueError(f"Expected argument `loss` to be 'l2', 'weak' or 'strong', but got {loss!r}.")
        if subwords not in ("last", "mean"):
            raise ValueError(f"Expected argument `subwords` to be 'last' or 'mean', but got {subwords!r}.")
        if keep < 0:
            raise ValueError(f"Expected argument `keep` to be at least 0, but got {keep}.")
        self.loss, self.keep, self.subwords = loss, keep, subwords
        self.temperature = checked_temperature(temperature)
        self._pretrained: nn.Module | None = None

    def build(self, module: RobustClassifier) -> None:
        if self.loss == "l2" and self.keep:
            # Not a module of the model's: it is what the encoder was before any checkpoint is loaded, and in none. What
            # is frozen, most of it, is not copied.
            shared = {id(own): own for own in module.encoder.parameters() if not own.requires_grad}
            self._pretrained = copy.deepcopy(module.encoder, shared).eval().requires_grad_(False)

    def term(self, module: RobustClassifier, batch: dict[str, Any], output: Output) -> Tensor:
        pairs, hidden = batch["pairs"], output.pairs.hidden
        sources, targets = word_vectors(hidden, pairs["words"], self.subwords)[pairs["links"].T]
        if self.loss == "l2":
            # A sum over few numbers is not to weigh as much as one over many, on another device.
            distance = _mean_over_devices(module, (sources - targets).square().mean(1))
            return distance + self.keep * self._drift(module, pairs, hidden) if self.keep else distance
        # No negatives are a word's other translations, here or where its sentence is in the batch again with another
        # language, nor is the word itself.
        words = pairs["words"]
        ids = (pairs["texts"][words[:, 0]] * 65_537 + words[:, 1])[pairs["links"]]
        one, other = (ids[:, side][:, None] == ids[:, side] for side in (0, 1))
        forth, back = ((sources, targets, one), (targets, sources, other))
        found = [self._found(queries, keys, one | other, itself) for queries, keys, itself in (forth, back)]
        return _mean_over_devices(module, (found[0] + found[1]) / 2)

    def _found(self, queries: Tensor, keys: Tensor, same: Tensor, itself: Tensor) -> Tensor:
        if self.loss == "strong":
            keys, same = torch.cat([keys, queries]), torch.cat([same, itself], dim=1)
        return info_nce(queries, keys, self.temperature, same)

    def _drift(self, module: RobustClassifier, pairs: dict[str, Any], hidden: Tensor) -> Tensor:
        """How far the source texts' tokens are from where the pretrained encoder has them."""
        assert self._pretrained is not None
        count = len(hidden) // 2
        texts = {name: value[:count] for name, value in pairs.items() if name not in ("words", "links")}
        with torch.no_grad():
            pretrained: Any = self._pretrained.to(hidden.device, hidden.dtype)
            embeddings = pretrained.get_input_embeddings()(texts["input_ids"])
            was = module.encode(embeddings, texts, encoder=pretrained)
        real = texts["perturbable"]
        return _mean_over_devices(module, (hidden[:count][real].float() - was[real].float()).square().mean(1))

    @property
    def source_cost(self) -> Passes:
        return Passes(forwards=1) if self.loss == "l2" and self.keep else Passes()


def word_vectors(hidden: Tensor, words: Tensor, subwords: Subwords) -> Tensor:
    """Contextual vectors of words, in float32, shape (W, H).

    Args:
        hidden: of the tokens, shape (B, T, H).
        words: the row of each word, its first token and the one after its last, shape (W, 3).
        subwords: which of a word's tokens stand for it.
    """
    rows, first, end = words.T
    if subwords == "last":
        return hidden[rows, end - 1].float()
    length = int((end - first).max()) if len(words) else 0
    places = first[:, None] + torch.arange(length, device=hidden.device)
    inside = (places < end[:, None]).unsqueeze(-1)
    vectors = hidden[rows[:, None], places.clamp(max=hidden.shape[1] - 1)].float()
    return (vectors * inside).sum(1) / inside.sum(1)


def _mean_over_devices(module: RobustClassifier, values: Tensor) -> Tensor:
    """A device's part of the mean of all devices' values: DDP's mean of these is the mean; 0 where there are none."""
    count = torch.tensor(float(len(values)), device=values.device)
    world = module.trainer.world_size
    gathered: Any = module.all_gather(count) if world > 1 else count
    return values.sum() * world / gathered.sum().clamp(min=1)

"""Word-level alignment: pulls the contextual vectors of a word and its translation together."""

from __future__ import annotations

import copy
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from xltrobust.checks import checked_temperature
from xltrobust.encoders.word_vectors import Subwords, _token_places, word_vectors
from xltrobust.models.gradient_share import Weight
from xltrobust.models.loss_term import Trained
from xltrobust.models.output import Output
from xltrobust.models.passes import Passes
from xltrobust.regularizers.parallel import AlignmentRegularizer, info_nce

Loss = Literal["l2", "weak", "strong"]
Dimensions = Literal["mean", "sum"]


class WordAlignment(AlignmentRegularizer):
    """Pulls the contextual vectors of aligned words together; the parallel corpus's word aligner links the words.

    ``l2`` is the mean squared distance of linked words' vectors, plus ``keep`` times the mean squared distance of the
    source sentences' tokens from their vectors in the pretrained encoder, which keeps the source language in place. The
    contrastive losses have each word choose its translation by cosine among words of the batch, in both directions:
    ``weak`` among the words of the other side, ``strong`` among those of both. They use the words of one device's batch
    only, because devices have different numbers of words.

    Wu & Dredze's code sums the squared differences over dimensions (``dimensions: sum``; the default is H times
    smaller), takes a word's first subword (``subwords: first``) and drops links between identical words and of words
    with several links (``one_to_one: true``); its contrastive losses have a temperature of 1, use cosines only as an
    option, and have all other words of a batch as negatives, where here a word's translations and the same word in a
    text that the batch has twice are none. Its scripts add a projector of two layers, and one of its two ways to keep
    the encoder in place is the distance of the parameters from their initial values: neither is offered. ``keep`` is
    the other way, which there includes special tokens. Cao et al. take a word's last subword.

    Cost of a training step: one forward and one full backward pass of both texts of the pairs; with ``keep`` one
    forward pass of the source texts more.

    Args:
        loss: ``l2``, ``weak`` or ``strong``.
        keep: weight, within ``l2``, of the distance from the pretrained encoder; 0 leaves it out.
        temperature: τ of the contrastive losses.
        subwords: the vector of a word: that of its ``first`` or ``last`` subword, or the ``mean`` of all.
        dimensions: whether the two distances of ``l2`` are a ``mean`` or a ``sum`` over a vector's dimensions.
        one_to_one: leave out links between words that are spelt alike, then all links of words with several.
        weight: of the term in the loss, or the ``share`` of the task's gradient that sets it.
        pretraining_share: see :class:`~xltrobust.regularizers.parallel.AlignmentRegularizer`.
        name: of the term in logs; None takes the class's name in snake case.

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
        dimensions: Dimensions = "mean",
        one_to_one: bool = False,
        weight: Weight = 1.0,
        pretraining_share: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(weight=weight, pretraining_share=pretraining_share, name=name)
        if loss not in ("l2", "weak", "strong"):
            raise ValueError(f"Expected argument `loss` to be 'l2', 'weak' or 'strong', but got {loss!r}.")
        for option, value, known in (
            ("subwords", subwords, get_args(Subwords)),
            ("dimensions", dimensions, get_args(Dimensions)),
        ):
            if value not in known:
                raise ValueError(f"Expected argument `{option}` to be one of {known}, but got {value!r}.")
        if keep < 0:
            raise ValueError(f"Expected argument `keep` to be at least 0, but got {keep}.")
        self.loss, self.keep, self.subwords = loss, keep, subwords
        self.dimensions, self.one_to_one = dimensions, one_to_one
        self.temperature = checked_temperature(temperature)
        self._pretrained: nn.Module | None = None

    def build(self, module: Trained) -> None:
        if self.loss == "l2" and self.keep:
            # Not a module of the model: no checkpoint has it, and it is copied before one is loaded. Frozen
            # parameters, most of them, are shared.
            frozen = [parameter for parameter in module.encoder.parameters() if not parameter.requires_grad]
            shared = {id(parameter): parameter for parameter in frozen}
            self._pretrained = copy.deepcopy(module.encoder, shared).eval().requires_grad_(False)

    def term(self, module: Trained, batch: dict[str, Any], output: Output) -> Tensor:
        pairs, hidden = batch["pairs"], output.pairs.hidden
        words, links = pairs["words"], pairs["links"]
        if self.one_to_one:
            links = one_to_one_links(links, words, pairs["input_ids"])
        sources, targets = word_vectors(hidden, words, self.subwords)[links.T]
        if self.loss == "l2":
            # A mean over all devices' links: each link counts the same, however many a device has.
            distance = _mean_over_devices(module, self._squared(sources - targets))
            return distance + self.keep * self._drift(module, pairs, hidden) if self.keep else distance
        # A word's other translations are no negatives, also where its sentence is in the batch again with another
        # language, nor is the word itself.
        ids = (pairs["texts"][words[:, 0]] * 65_537 + words[:, 1])[links]
        one, other = (ids[:, side][:, None] == ids[:, side] for side in (0, 1))
        crossed = ids[:, 0][:, None] == ids[:, 1]  # a text that is the source of one pair and the target of another
        crossed = crossed | crossed.T
        forth, back = ((sources, targets, one | crossed), (targets, sources, other | crossed))
        found = [self._found(queries, keys, one | other | crossed, itself) for queries, keys, itself in (forth, back)]
        return _mean_over_devices(module, (found[0] + found[1]) / 2)

    def _found(self, queries: Tensor, keys: Tensor, same: Tensor, itself: Tensor) -> Tensor:
        if self.loss == "strong":
            keys, same = torch.cat([keys, queries]), torch.cat([same, itself], dim=1)
        return info_nce(queries, keys, self.temperature, same)

    def _drift(self, module: Trained, pairs: dict[str, Any], hidden: Tensor) -> Tensor:
        """The mean squared distance of the source texts' tokens from their vectors in the pretrained encoder."""
        assert self._pretrained is not None
        count = len(hidden) // 2
        texts = {name: value[:count] for name, value in pairs.items() if name not in ("words", "links")}
        with torch.no_grad():
            pretrained: Any = self._pretrained.to(hidden.device, hidden.dtype)
            embeddings = pretrained.get_input_embeddings()(texts["input_ids"])
            was = module.encode(embeddings, texts, encoder=pretrained)
        real = texts["perturbable"]
        return _mean_over_devices(module, self._squared(hidden[:count][real].float() - was[real].float()))

    def _squared(self, differences: Tensor) -> Tensor:
        """Squared lengths, shape (N,), of vectors, shape (N, H); by ``dimensions`` divided by H."""
        squares = differences.square()
        return squares.mean(1) if self.dimensions == "mean" else squares.sum(1)

    @property
    def source_cost(self) -> Passes:
        return Passes(forwards=1) if self.loss == "l2" and self.keep else Passes()


def one_to_one_links(links: Tensor, words: Tensor, tokens: Tensor) -> Tensor:
    """The links between words that are not spelt alike, without those of words that then have several links.

    Args:
        links: rows of ``words`` that are linked, shape (L, 2).
        words: places of words as :func:`word_vectors` takes them, shape (W, 3).
        tokens: the batch's token ids, shape (B, T).
    """
    places, inside = _token_places(words)
    spelt = tokens[words[:, :1], places.clamp(max=tokens.shape[1] - 1)].masked_fill(~inside, -1)
    links = links[(spelt[links[:, 0]] != spelt[links[:, 1]]).any(1)]
    single = [torch.bincount(side, minlength=len(words))[side] == 1 for side in links.T]
    return links[single[0] & single[1]]


def _mean_over_devices(module: Trained, values: Tensor) -> Tensor:
    """A device's part of the mean over all devices' values: DDP's mean of the parts is that mean. 0 without values."""
    count = torch.tensor(float(len(values)), device=values.device)
    world = module.trainer.world_size
    gathered: Any = module.all_gather(count) if world > 1 else count
    return values.sum() * world / gathered.sum().clamp(min=1)

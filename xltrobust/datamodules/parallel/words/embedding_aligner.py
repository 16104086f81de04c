"""Word alignment by embeddings: links words whose vectors in a multilingual encoder are each other's nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.load import encoder_inputs, load_encoder
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.text.words import word_parts

Method = Literal["argmax", "itermax", "itermax_simalign"]
_MAX_TOKENS = 8192  # per batch, padding included
_AT_A_TIME = 2048  # pairs whose word vectors are in memory at the same time


class EmbeddingAligner(WordAligner):
    """Aligns words by the cosine similarity of their vectors in a pretrained encoder, without any training.

    A word's vector is the mean of its tokens' vectors in one layer. Words beyond the maximum length are not aligned.

    Args:
        encoder: hub name, local directory, ``bundled`` or ``bundled-cnn``.
        layer: 0 for the embeddings, up to the encoder's number of layers; middle layers align best.
        method: ``argmax`` (precise; see :func:`argmax_links`), ``itermax`` (more links, by the paper's algorithm), or
            ``itermax_simalign`` (as in the authors' code; see :func:`itermax_links`).
        max_length: in tokens, special tokens included.

    Raises:
        ValueError: if ``method`` is unknown, ``layer`` is negative or (on aligning) above the encoder's last, or
            ``max_length`` is below 3.

    References:
        - Jalili Sabet et al. SimAlign: high quality word alignments without parallel training data using static and
          contextualized embeddings. Findings of EMNLP 2020.
    """

    def __init__(
        self, *, encoder: str = "bundled", layer: int = 8, method: Method = "argmax", max_length: int = 128
    ) -> None:
        if method not in get_args(Method):
            raise ValueError(f"Expected argument `method` to be one of {get_args(Method)}, but got {method!r}.")
        if layer < 0:
            raise ValueError(f"Expected argument `layer` to be 0 or more, but got {layer!r}.")
        if max_length < 3:
            raise ValueError(f"Expected argument `max_length` to be at least 3, but got {max_length!r}.")
        self.encoder, self.layer, self.method, self.max_length = encoder, layer, method, max_length

    def align(self, sources: Sequence[str], targets: Sequence[str]) -> list[Links]:
        if len(sources) != len(targets):
            raise ValueError(f"Expected as many targets as sources ({len(sources)}), but got {len(targets)}.")
        links: list[Links] = []
        method = _METHODS[self.method]
        for start in range(0, len(sources), _AT_A_TIME):
            vectors = [self._vectors(texts[start : start + _AT_A_TIME]) for texts in (sources, targets)]
            for (places, ours), (others, theirs) in zip(*vectors, strict=True):
                found = method((1 + ours @ theirs.T) / 2) if len(places) and len(others) else []
                links.append([(places[i], others[j]) for i, j in found])
        return links

    def settings(self) -> dict[str, Any]:
        options = {"encoder": self.encoder, "layer": self.layer, "method": self.method, "max_length": self.max_length}
        # The weights in a local directory can change while its name stays the same.
        files = sorted(Path(self.encoder).glob("*")) if Path(self.encoder).is_dir() else []
        stamps = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
        return {"aligner": type(self).__name__, **options, **({"files": stamps} if stamps else {})}

    @cached_property
    def _model(self) -> tuple[Any, Tokenization]:
        encoder = load_encoder(self.encoder).eval()
        layers = encoder.config.num_hidden_layers
        if self.layer > layers:
            raise ValueError(
                f"Expected argument `layer` to be at most {layers} for {self.encoder}, but got {self.layer}."
            )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return encoder.to(device), Tokenization(self.encoder, self.max_length)

    def _vectors(self, texts: Sequence[str]) -> list[tuple[list[int], np.ndarray]]:
        """For each text, the indices of its words that have tokens, and their unit vectors, shape (words, H)."""
        encoder, tokenization = self._model
        examples = [Example(str(at), "und", text, 0) for at, text in enumerate(texts)]
        table = tokenization.table(examples, keep=False)
        spans = tokenization.spans(examples)
        found: dict[int, tuple[list[int], np.ndarray]] = {}
        for indices in length_batches(table.lengths.tolist(), _MAX_TOKENS):
            batch = tokenization.collate([table.row(at) for at in indices], to_grid=True)
            inputs = {name: tensor.to(encoder.device) for name, tensor in encoder_inputs(encoder, batch).items()}
            with torch.no_grad():
                hidden: Tensor = encoder(**inputs, output_hidden_states=True).hidden_states[self.layer]
            for at, text_hidden in zip(indices, hidden.float().cpu().numpy(), strict=True):
                found[at] = _word_vectors(texts[at], text_hidden, spans[at][1])
        return [found[at] for at in range(len(texts))]


def argmax_links(similarity: np.ndarray) -> Links:
    """Pairs of words that are each other's most similar; ties go to the first word.

    Args:
        similarity: shape (source words, target words).

    >>> argmax_links(np.array([[0.9, 0.1, 0.8], [0.2, 0.3, 0.1]]))
    [(0, 0), (1, 1)]
    """
    best, best_back = similarity.argmax(1), similarity.argmax(0)
    return [(i, int(j)) for i, j in enumerate(best) if best_back[j] == i]


def itermax_links(
    similarity: np.ndarray, *, discount: float = 0.9, iterations: int = 2, early_exits: bool = False
) -> Links:
    """The argmax links, then further ones from repeating the argmax, so that a word may have several links.

    Every iteration after the first excludes pairs of words that both have links, and discounts the similarity of pairs
    of which one word has a link.

    This is the paper's algorithm. The authors' SimAlign code also stops early in two cases: after the first iteration,
    if one of the texts has at most two words, and before any later one, if all words of one text have links.

    Args:
        similarity: non-negative, shape (source words, target words).
        discount: the factor on the similarity of pairs of which one word has a link (the paper's alpha).
        iterations: how often the argmax is taken.
        early_exits: whether to stop early as SimAlign's code does.

    >>> itermax_links(np.array([[0.9, 0.1, 0.8], [0.2, 0.3, 0.1]]))
    [(0, 0), (0, 2), (1, 1)]
    """
    linked = np.zeros(similarity.shape, bool)
    for iteration in range(iterations):
        rows, columns = linked.any(1, keepdims=True), linked.any(0, keepdims=True)
        if early_exits and iteration and (min(similarity.shape) <= 2 or rows.all() or columns.all()):
            break
        free: np.ndarray = np.logical_not(rows & columns)
        weighted = np.where(free, similarity * np.where(rows | columns, discount, 1.0), -1.0)
        new = [(i, j) for i, j in argmax_links(weighted) if free[i, j]]
        if not new:
            break
        linked[tuple(zip(*new, strict=True))] = True
    return [(int(i), int(j)) for i, j in np.argwhere(linked)]


_METHODS: dict[str, Callable[[np.ndarray], Links]] = {
    "argmax": argmax_links,
    "itermax": itermax_links,
    "itermax_simalign": partial(itermax_links, early_exits=True),
}


def _word_vectors(text: str, hidden: np.ndarray, spans: np.ndarray) -> tuple[list[int], np.ndarray]:
    """The indices of the words that have tokens, and the normalized mean vectors of their tokens.

    ``hidden`` has shape (T, H), possibly with padding after it; ``spans`` has shape (T, 2), empty for special tokens.
    """
    places, vectors = [], []
    starts, ends = spans.T
    for place, (start, end) in enumerate(word_parts(text)):
        tokens = np.flatnonzero((starts < end) & (ends > start))
        if len(tokens):
            mean = hidden[tokens].mean(0)
            places.append(place)
            vectors.append(mean / np.linalg.norm(mean))
    return places, np.array(vectors)

"""A network as a victim of attacks: texts in, logits and gradients out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor

from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.example import Example
from xltrobust.models.network import Network
from xltrobust.perturb.base import TextGradient
from xltrobust.perturb.goal import Goal

_REMEMBERED = 50_000  # word vectors kept at a time


class ClassifierVictim:
    """Classifies any number of texts, in batches of equal padded length: an answer does not depend on its batch.

    Args:
        module: the network, in evaluation mode.
        tokenization: that of the data module.
        max_tokens: the most tokens of a batch, padding included.
        precision: makes the context of a forward pass, such as Lightning's ``precision_plugin.forward_context``.
    """

    def __init__(
        self,
        module: Network,
        tokenization: Tokenization,
        max_tokens: int = 8192,
        precision: Callable[[], AbstractContextManager] = nullcontext,
    ) -> None:
        self.module, self.tokenization, self.max_tokens, self.precision = module, tokenization, max_tokens, precision
        self._vectors: dict[str, np.ndarray] = {}

    @torch.no_grad()
    def __call__(self, examples: Sequence[Example]) -> np.ndarray:
        """Logits, shape (N, C), of N examples."""
        table = self.tokenization.table(examples)
        answers = np.empty((len(examples), len(self.module.labels)), np.float32)
        for indices in length_batches(table.lengths.tolist(), self.max_tokens):
            batch = self._batch([table.row(i) for i in indices])
            with self.precision():
                answers[indices] = self.module(batch).logits.float().cpu().numpy()
        return answers

    def gradients(self, examples: Sequence[Example], goal: Goal) -> list[TextGradient]:
        """Token embeddings and the gradients of the goal's margin of each example with respect to them.

        Raises:
            UserError: if the tokenizer does not tell which characters a token stands for.
        """
        table, spans = self.tokenization.table(examples), self.tokenization.spans(examples)
        found: list[TextGradient | None] = [None] * len(examples)
        # Half of the tokens: a backward pass needs the activations that a forward pass alone can drop.
        for indices in length_batches(table.lengths.tolist(), self.max_tokens // 2):
            # Lightning tests in inference mode, whose tensors take no gradients.
            with torch.inference_mode(False), torch.enable_grad():
                batch = self._batch([table.row(i) for i in indices])
                with self.precision():
                    embeddings = self.module.embed(batch).detach().requires_grad_()
                    logits = self.module.logits(embeddings, batch).float()
                rows = logits.detach().cpu().numpy()
                slopes = [goal.slopes(rows[at : at + 1], examples[i])[0] for at, i in enumerate(indices)]
                upstream = torch.as_tensor(np.stack(slopes), dtype=logits.dtype, device=logits.device)
                gradients = torch.autograd.grad(logits, embeddings, upstream)[0].float().cpu().numpy()
            values = embeddings.detach().float().cpu().numpy()
            for row, index in enumerate(indices):
                length = table.lengths[index]
                found[index] = TextGradient(*spans[index], values[row, :length], gradients[row, :length])
        return found  # type: ignore[return-value]  # every one has been filled in

    @torch.no_grad()
    def word_vectors(self, words: Sequence[str]) -> np.ndarray:
        """The mean of each word's subword embeddings, shape (N, H); zero for a word of no subwords."""
        new = [word for word in dict.fromkeys(words) if word not in self._vectors]
        ids = self.tokenization.words(new)
        flat = torch.tensor(
            [[token for tokens in ids for token in tokens]], dtype=torch.long, device=self.module.device
        )
        vectors = self.module.embed({"input_ids": flat})[0].float().cpu().numpy()
        at = 0
        for word, tokens in zip(new, ids, strict=True):
            piece = vectors[at : at + len(tokens)]
            self._vectors[word] = piece.mean(axis=0) if len(tokens) else np.zeros(vectors.shape[1], np.float32)
            at += len(tokens)
        found = np.stack([self._vectors[word] for word in words]) if words else np.empty((0, vectors.shape[1]))
        while len(self._vectors) > _REMEMBERED:
            del self._vectors[next(iter(self._vectors))]  # the oldest
        return found

    def _batch(self, rows: list[dict[str, np.ndarray]]) -> dict[str, Tensor]:
        batch = self.tokenization.collate(rows, to_grid=True)
        return {name: tensor.to(self.module.device) for name, tensor in batch.items()}

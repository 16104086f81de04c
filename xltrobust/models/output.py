"""One forward pass of a batch, of which as much is computed as is asked for."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from xltrobust.models.dropout import DropoutMask
from xltrobust.models.network import Batch, EncoderNetwork


class Output:
    """A forward pass, step by step, each step when it is first asked for; B examples, T tokens, H hidden size.

    A regularizer that replaces the task's loss has no use for the clean pass, which then costs nothing.

    Args:
        module: the classifier.
        batch: its inputs.
    """

    def __init__(self, module: EncoderNetwork, batch: Batch) -> None:
        self._module, self._batch = module, batch

    @cached_property
    def embeddings(self) -> Tensor:
        """Output of the encoder's input embeddings, before positions and layer norm, shape (B, T, H)."""
        return self._module.embed(self._batch)

    @cached_property
    def dropout(self) -> DropoutMask:
        """The dropout of this pass, for other passes to share."""
        return DropoutMask(self._module.device)

    @cached_property
    def hidden(self) -> Tensor:
        """Output of the encoder's last layer, shape (B, T, H)."""
        embeddings = self.embeddings
        _ = self.dropout  # remembered before it is drawn
        return self._module.encode(embeddings, self._batch)

    @cached_property
    def pooled(self) -> Tensor:
        """One vector an example, shape (B, H)."""
        return self._module.pool(self.hidden, self._batch)

    @cached_property
    def features(self) -> Tensor:
        """What the classifier's last layer reads of each example, shape (B, H)."""
        return self._module.features(self.pooled)

    @cached_property
    def logits(self) -> Tensor:
        """Shape (B, C) for C classes."""
        return self._module.classify(self.pooled)

    @cached_property
    def pairs(self) -> Output:
        """The same of the batch's sentence pairs: the sources of P pairs, then their targets, so that B is 2P.

        One pass for all that learn from them.
        """
        return Output(self._module, self._batch["pairs"])

    @property
    def computed(self) -> bool:
        """Whether the encoder has been passed."""
        return "hidden" in self.__dict__

"""A forward pass whose steps are computed when they are first needed."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from xltrobust.models.dropout import DropoutMask
from xltrobust.models.network import Batch, EncoderNetwork


class Output:
    """A forward pass of B examples of T tokens, with hidden size H; each step is computed when it is first needed.

    A regularizer that replaces the task loss does not need the clean pass, which then costs nothing.

    Args:
        module: the network.
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
        """The dropout mask of this pass, for other passes to share."""
        return DropoutMask(self._module.device)

    @cached_property
    def hidden(self) -> Tensor:
        """Output of the encoder's last layer, shape (B, T, H)."""
        embeddings = self.embeddings
        _ = self.dropout  # noted before the pass draws it
        return self._module.encode(embeddings, self._batch)

    @cached_property
    def pooled(self) -> Tensor:
        """One vector an example, shape (B, H)."""
        return self._module.pool(self.hidden, self._batch)

    @cached_property
    def features(self) -> Tensor:
        """The input of the head's last layer, shape (B, H)."""
        return self._module.features(self.pooled)

    @cached_property
    def logits(self) -> Tensor:
        """Logits of C classes, shape (B, C)."""
        return self._module.classify(self.pooled)

    @cached_property
    def pairs(self) -> Output:
        """The forward pass of the batch's P sentence pairs: P source texts, then P target texts, so that B = 2P.

        All regularizers that use sentence pairs share it.
        """
        return Output(self._module, self._batch["pairs"])

    @property
    def computed(self) -> bool:
        """Whether the encoder's forward pass has been computed."""
        return "hidden" in self.__dict__

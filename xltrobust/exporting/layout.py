"""What a layout of exported models consists of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from xltrobust.models.classifier import RobustClassifier

Texts = Sequence[str] | Sequence[tuple[str, str]]


class Layout(ABC):
    """A directory that a library loads without code of ours or of the model's."""

    library: ClassVar[str]  # its name on the hub

    @abstractmethod
    def save(self, module: RobustClassifier, tokenizer: PreTrainedTokenizerBase, directory: Path) -> None:
        """Writes the directory.

        Args:
            module: the classifier.
            tokenizer: with the maximum length to cut texts at.
            directory: there, and empty.

        Raises:
            UserError: if this model cannot be written in this layout.
        """

    @abstractmethod
    def logits(self, directory: Path, texts: Texts) -> Tensor:
        """What the library answers to N texts, or pairs of texts, from the directory: logits, shape (N, C)."""

    @abstractmethod
    def usage(self, name: str, texts: Texts, max_length: int) -> str:
        """Python code that classifies texts.

        Args:
            name: of the model on the hub, or its directory.
            texts: to classify.
            max_length: tokens that the model was trained to read at most.
        """


def literal(texts: Texts) -> str:
    """The texts as a list in Python code, one a line.

    >>> print(literal(["a", "it's"]))
    [
        'a',
        "it's",
    ]
    """
    return "[\n" + "".join(f"    {own!r},\n" for own in texts) + "]"

"""A linear map of the encoder's output for each language: what a frozen encoder is aligned with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from xltrobust.errors import UserError
from xltrobust.text.languages import base_language, language_id

_PREFIX = "of_"  # Tongan is "to", which every module has


class LanguageMaps(nn.Module):
    """Maps each text's hidden states by its language's matrix; texts in languages without one stay as they are.

    The matrices are buffers: saved with the model, and not trained.
    """

    def set(self, language: str, matrix: Tensor) -> None:
        """Gives a language its matrix, shape (H, H)."""
        self.register_buffer(_PREFIX + base_language(language), matrix)

    @property
    def languages(self) -> list[str]:
        """Those that have a matrix."""
        return [name.removeprefix(_PREFIX) for name in self._buffers]

    def forward(self, hidden: Tensor, batch: dict[str, Any]) -> Tensor:
        """Hidden states, shape (B, T, H), times their language's matrix.

        Raises:
            UserError: if a text is in two languages at once.
        """
        if not self._buffers:
            return hidden
        languages: Tensor = batch["language"]
        if (languages == 0).any():
            raise UserError(
                "A linear map has one language a text, and here are pairs of texts in two: test without `languages` in "
                "pairs, or train without LinearMapping."
            )
        mapped = hidden
        for language in self.languages:
            own = (languages == language_id(language))[:, None, None]
            matrix = self.get_buffer(_PREFIX + language)
            mapped = torch.where(own, hidden @ matrix.to(hidden.dtype), mapped) if own.any() else mapped
        return mapped

    def make_room(self, state: dict[str, Tensor], prefix: str) -> None:
        """Registers the languages that a state dict has, so that it can be loaded."""
        for name, matrix in state.items():
            if name.startswith(prefix):
                self.register_buffer(name.removeprefix(prefix), torch.empty_like(matrix))

"""A linear map of the encoder's output for each language, which aligns a frozen encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from xltrobust.errors import UserError
from xltrobust.text.languages import base_language, language_id

_PREFIX = "of_"  # Tongan's code is "to", a method of every module


class LanguageMaps(nn.Module):
    """Multiplies each text's hidden states by its language's matrix; languages without one are left unchanged.

    The matrices are buffers: saved with the model, but not trained.
    """

    def set(self, language: str, matrix: Tensor) -> None:
        """Gives a language its matrix, shape (H, H)."""
        self.register_buffer(_PREFIX + base_language(language), matrix)

    @property
    def languages(self) -> list[str]:
        """The languages that have a matrix."""
        return [name.removeprefix(_PREFIX) for name in self._buffers]

    def forward(self, hidden: Tensor, batch: dict[str, Any]) -> Tensor:
        """Hidden states, shape (B, T, H), multiplied by their language's matrix.

        Raises:
            UserError: if the two texts of a pair are in different languages.
        """
        if not self._buffers:
            return hidden
        languages: Tensor = batch["language"]
        if (languages == 0).any():
            raise UserError(
                "A linear map needs one language for each example, but here are pairs of texts in two languages: test "
                "without pairs of `languages`, or train without LinearMapping."
            )
        mapped = hidden
        for language in self.languages:
            spoken = (languages == language_id(language))[:, None, None]
            matrix = self.get_buffer(_PREFIX + language)
            mapped = torch.where(spoken, hidden @ matrix.to(hidden.dtype), mapped) if spoken.any() else mapped
        return mapped

    def make_room(self, state: dict[str, Tensor], prefix: str) -> None:
        """Registers a buffer for each language in a state dict, so that it can be loaded."""
        for name, matrix in state.items():
            if name.startswith(prefix):
                self.register_buffer(name.removeprefix(prefix), torch.empty_like(matrix))

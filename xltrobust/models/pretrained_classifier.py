"""A classifier that was fine-tuned elsewhere, from the hub or a directory, to be attacked."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from xltrobust.encoders.load import check_vocabulary, encoder_inputs, quiet
from xltrobust.encoders.pretrained import reading_model
from xltrobust.errors import UserError
from xltrobust.models.network import Batch
from xltrobust.models.output_order import output_order


class PretrainedClassifier(nn.Module):
    """A transformers sequence classifier whose logits come in the order of a task's labels.

    Args:
        name: hub name or local directory. No remote code is run.
        labels: the task's classes. The classifier has to name the same classes, in any order; if it only numbers them
            (``LABEL_0`` …), they are assumed to be in this order.

    Raises:
        UserError: if it has no trained head, or its classes differ from the task's.
        UnreadableModel: if it is not found or damaged.
    """

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        super().__init__()
        options: dict[str, Any] = {"dtype": "float32", "trust_remote_code": False, "output_loading_info": True}
        with quiet(), reading_model(name, "a classifier"):
            self.model, loaded = AutoModelForSequenceClassification.from_pretrained(name, **options)
        if loaded["missing_keys"]:
            missing = sorted(loaded["missing_keys"])[0]
            raise UserError(f"{name}: not a fine-tuned classifier, {missing} is missing.")
        check_vocabulary(name, self.model)
        self.labels = list(labels)
        self.register_buffer("order", torch.tensor(output_order(name, self.model.config.id2label, labels)))
        self.eval()

    @property
    def device(self) -> torch.device:
        return self.model.device

    def embed(self, batch: Batch) -> Tensor:
        """Token embeddings before positions and layer norm, shape (B, T, H)."""
        return self.model.get_input_embeddings()(batch["input_ids"])

    def logits(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """Logits, shape (B, C), for token embeddings of shape (B, T, H)."""
        return self.model(**encoder_inputs(self.model, batch, embeddings)).logits[:, self.order]

    def forward(self, batch: Batch) -> Any:
        """An object with ``logits`` of shape (B, C)."""
        return SimpleNamespace(logits=self.model(**encoder_inputs(self.model, batch)).logits[:, self.order])

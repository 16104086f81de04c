"""A classifier that somebody else fine-tuned, from the hub or a directory, as attacks need it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from xltrobust.encoders.load import check_vocabulary, encoder_inputs
from xltrobust.encoders.pretrained import reading_model
from xltrobust.errors import UserError
from xltrobust.models.network import Batch


class PretrainedClassifier(nn.Module):
    """A transformers sequence classifier whose logits come in the order of a task's labels.

    Args:
        name: hub name or local directory. No remote code is run.
        labels: the task's classes. The classifier's own names have to be the same in any order; one that only numbers
            its classes (``LABEL_0`` …) is taken to have them in this order.

    Raises:
        UserError: if it has no trained head, or its classes are not the task's.
        UnreadableModel: if it cannot be found or is damaged.
    """

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        super().__init__()
        options: dict[str, Any] = {"dtype": "float32", "trust_remote_code": False, "output_loading_info": True}
        with reading_model(name, "a classifier"):
            self.model, loaded = AutoModelForSequenceClassification.from_pretrained(name, **options)
        if loaded["missing_keys"]:
            missing = sorted(loaded["missing_keys"])[0]
            raise UserError(f"{name}: not a fine-tuned classifier, {missing} is missing.")
        check_vocabulary(name, self.model)
        self.labels = list(labels)
        self.register_buffer("order", torch.tensor(_order(name, self.model.config.id2label, labels)))
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


def _order(name: str, own: dict[int, str], labels: Sequence[str]) -> list[int]:
    """Where each of the task's labels is among the classifier's."""
    places = {label: place for place, label in own.items()}
    if set(places) == set(labels):
        return [places[label] for label in labels]
    if len(own) == len(labels) and all(label == f"LABEL_{place}" for place, label in own.items()):
        return list(range(len(labels)))
    raise UserError(
        f"{name}: its classes ({', '.join(map(str, own.values()))}) are not the task's ({', '.join(labels)}): choose "
        "the data that it was trained on, or set id2label in its config.json."
    )

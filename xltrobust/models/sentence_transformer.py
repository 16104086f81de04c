"""A classifier in sentence-transformers' layout, to be attacked: an encoder, pooling and dense layers in a chain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError
from torch import Tensor, nn

from xltrobust.encoders.load import check_vocabulary, encoder_inputs, quiet
from xltrobust.encoders.pretrained import reading_model
from xltrobust.errors import MissingPackage, UserError
from xltrobust.models.network import Batch
from xltrobust.models.output_order import output_order

_PACKAGE = "sentence_transformers."
_PARTS = ("Transformer", "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")


class SentenceTransformerClassifier(nn.Module):
    """A ``SentenceTransformer`` that ends in a dense layer whose outputs are classes, named by its ``config.json``.

    Args:
        name: hub name or local directory. No remote code is run.
        labels: the task's classes, as for :class:`~xltrobust.models.pretrained_classifier.PretrainedClassifier`.

    Raises:
        UserError: if it is no classifier, it changes texts before it reads them, or its classes differ from the task's.
        UnreadableModel: if it is damaged.
        MissingPackage: if sentence-transformers is not installed.
    """

    chain: Any  # sentence-transformers' modules are typed as any torch module
    encoder: Any
    order: Tensor

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        super().__init__()
        for part in chain_parts(name):
            kind = str(part.get("type"))
            if not kind.startswith(_PACKAGE) or kind.rpartition(".")[2] not in _PARTS:
                raise UserError(f"{name}: modules.json: expected only {', '.join(_PARTS)} of the library, got {kind}.")
        try:
            from sentence_transformers import SentenceTransformer
        except ModuleNotFoundError:
            raise MissingPackage(f"{name} needs", "sentence-transformers", extra="export") from None
        with quiet(), reading_model(name, "a classifier"):
            options = {"dtype": "float32"}
            self.chain = SentenceTransformer(name, device="cpu", trust_remote_code=False, model_kwargs=options).float()
        self.encoder = self.chain[0].model
        classes = self.encoder.config.id2label
        if len(self.chain) < 2 or getattr(self.chain[-1], "out_features", None) != len(classes):
            raise UserError(
                f"{name}: not a classifier: it does not end in a dense layer with an output for each class."
            )
        if self.chain.default_prompt_name or self.chain[0].do_lower_case:
            raise UserError(f"{name}: it prefixes or lower-cases texts outside of its tokenizer; attacks cannot do so.")
        check_vocabulary(name, self.encoder)
        self.labels = list(labels)
        self.register_buffer("order", torch.tensor(output_order(name, classes, labels)))
        self.eval()

    @property
    def device(self) -> torch.device:
        return self.encoder.device

    def embed(self, batch: Batch) -> Tensor:
        """Token embeddings before positions and layer norm, shape (B, T, H)."""
        return self.encoder.get_input_embeddings()(batch["input_ids"])

    def logits(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """Logits, shape (B, C), for token embeddings of shape (B, T, H)."""
        return self.chain(encoder_inputs(self.encoder, batch, embeddings))["sentence_embedding"][:, self.order]

    def forward(self, batch: Batch) -> Any:
        """An object with ``logits`` of shape (B, C)."""
        return SimpleNamespace(
            logits=self.chain(encoder_inputs(self.encoder, batch))["sentence_embedding"][:, self.order]
        )


def chain_parts(name: str) -> list[dict[str, Any]]:
    """The modules of a model in sentence-transformers' layout; empty for others.

    A single module is a transformers model in all but name, such as a cross-encoder's.

    Args:
        name: hub name or local directory.

    Raises:
        UnreadableModel: if the list of modules is damaged.
    """
    path = Path(name) / "modules.json"
    if not Path(name).exists():
        try:
            path = Path(hf_hub_download(name, path.name))
        except (EntryNotFoundError, HFValidationError, OSError):  # none, or no such model: told where it is loaded
            return []
    if not path.exists():
        return []
    with reading_model(name, "a classifier"):
        parts = [dict(own) for own in json.loads(path.read_text(encoding="utf8"))]
    return parts if len(parts) > 1 else []

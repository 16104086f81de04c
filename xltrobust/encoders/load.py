"""Loads pretrained encoders, from the hub, a directory or the offline default, and picks their inputs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from torch import Tensor, nn
from transformers import MODEL_MAPPING, AutoConfig, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from xltrobust.encoders.pretrained import UnreadableModel, reading_model, resolve
from xltrobust.encoders.tokenization import load_tokenizer

_INPUTS = ("attention_mask", "token_type_ids", "langs")  # besides token ids or embeddings
# The names of the two dropout options in the encoder families.
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")


def load_encoder(
    name_or_path: str, *, freeze_embeddings: bool = False, dropout: float | None = None
) -> PreTrainedModel:
    """A pretrained encoder without its pooler (an unused pooler has no gradient, which breaks DDP).

    Args:
        name_or_path: what ``AutoModel`` reads (mBERT, XLM, XLM-R, mDeBERTa, …), ``bundled`` or
            ``bundled-cnn``. No remote code is run.
        freeze_embeddings: do not train the word embeddings. They are most of a multilingual encoder's parameters, and
            fine-tuning on one language moves the embeddings of its words only.
        dropout: replaces the dropout probabilities of the encoder's configuration.

    Raises:
        ValueError: if ``AutoModel`` has no encoder of the model's type, weights are missing from its files, or
            ``dropout`` is not in [0, 1).
        UnreadableModel: if the model is not found or damaged, or its tokenizer has tokens without an embedding.
    """
    if dropout is not None and not 0 <= dropout < 1:
        raise ValueError(f"Expected argument `dropout` to be in [0, 1), but got {dropout}.")
    path = resolve(name_or_path)
    with reading_model(name_or_path, "an encoder"):
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
    if dropout is not None:
        for option in _DROPOUTS:
            if hasattr(config, option):
                setattr(config, option, dropout)
    model_class = _encoder_class(config, name_or_path)
    options: dict[str, Any] = {"add_pooling_layer": False} if _has_pooler(model_class) else {}
    options |= {"config": config, "dtype": "float32", "output_loading_info": True}
    with quiet(), reading_model(name_or_path, "an encoder"):
        encoder, loaded = cast(tuple[PreTrainedModel, dict], model_class.from_pretrained(path, **options))
    if loaded["missing_keys"]:
        raise ValueError(f"{name_or_path}: not a complete encoder: {sorted(loaded['missing_keys'])[0]} is missing.")
    check_vocabulary(name_or_path, encoder)
    if freeze_embeddings:
        encoder.get_input_embeddings().weight.requires_grad_(False)
    # from_pretrained leaves the model in evaluation mode; fine-tuning without dropout would go unnoticed.
    return encoder.train()


def has_dropout(encoder: PreTrainedModel) -> bool:
    """Whether two passes of one text through the encoder differ in training."""
    return any(getattr(encoder.config, option, 0.0) for option in _DROPOUTS)


def encoder_inputs(
    model: nn.Module, batch: Mapping[str, Tensor], embeddings: Tensor | None = None
) -> dict[str, Tensor]:
    """The arguments of a transformers model's forward pass for a batch: those of its tensors that the model takes.

    Args:
        model: an encoder, or a classifier with its head.
        batch: as :meth:`~xltrobust.encoders.tokenization.Tokenization.collate` gives it.
        embeddings: token embeddings, shape (B, T, H), in place of the batch's token ids.
    """
    kind: Any = type(model)
    inputs = {name: batch[name] for name in _INPUTS if name in batch and name in _parameters(kind)}
    return inputs | ({"input_ids": batch["input_ids"]} if embeddings is None else {"inputs_embeds": embeddings})


@lru_cache
def _parameters(kind: type[nn.Module]) -> frozenset[str]:
    """The names of a model's inputs, by its class."""
    return frozenset(inspect.signature(kind.forward).parameters)


def check_vocabulary(name: str, model: PreTrainedModel) -> None:
    """Refuses a model whose tokenizer has token ids that it has no embedding for.

    Raises:
        UnreadableModel: naming both numbers.
    """
    embeddings, tokenizer = model.get_input_embeddings(), load_tokenizer(name)
    if not isinstance(embeddings, nn.Embedding):
        return
    # The mask token is not used here; some tokenizers have one that their model has no embedding for.
    largest = max(number for token, number in tokenizer.get_vocab().items() if token != tokenizer.mask_token)
    if largest >= embeddings.num_embeddings:
        raise UnreadableModel(
            f"{name}: its tokenizer has token ids up to {largest}, but the model has {embeddings.num_embeddings} "
            "embeddings: the tokenizer belongs to another model."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Silences transformers' progress bar and its list of unused weights (the pooler and pretraining heads)."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()


def _encoder_class(config: PretrainedConfig, name: str) -> type[PreTrainedModel]:
    found: Any = MODEL_MAPPING.get(type(config), None)
    if isinstance(found, tuple):
        found = found[0]
    if found is None:
        raise ValueError(f"{name}: AutoModel knows no encoder of type {config.model_type!r}; choose another model.")
    return found


def _has_pooler(model_class: type[nn.Module]) -> bool:
    return "add_pooling_layer" in inspect.signature(model_class.__init__).parameters

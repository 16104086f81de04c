"""Encoders of every family load, and what they read arrives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel

from conftest import save_tiny_encoder
from xltrobust.encoders.load import encoder_inputs, load_encoder
from xltrobust.models.classifier import RobustClassifier

FAMILIES = {
    "bert": {},
    "xlm-roberta": {"max_position_embeddings": 140},
    "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "xlm": {"emb_dim": 16, "n_layers": 1, "n_heads": 2, "use_lang_emb": True, "n_langs": 3, "pad_index": 1},
}


def batch_of(length: int = 6) -> dict[str, torch.Tensor]:
    ids = torch.arange(5, 5 + 2 * length).reshape(2, length)
    mask = torch.ones_like(ids)
    mask[1, -2:] = 0
    return {"input_ids": ids.masked_fill(mask == 0, 1), "attention_mask": mask}


@pytest.mark.parametrize("family", FAMILIES)
def test_forward_chains_the_steps_and_ignores_padding(family: str, tmp_path: Path) -> None:
    path = save_tiny_encoder(tmp_path / "encoder", family, **FAMILIES[family])
    module = RobustClassifier(encoder=str(path), labels=["a", "b"]).eval()
    batch = batch_of() | ({"langs": torch.full((2, 6), 2)} if family == "xlm" else {})
    output = module(batch)
    assert output.embeddings.shape == output.hidden.shape == (2, 6, 16)
    assert output.logits.shape == (2, 2)
    # The same ids, given to the encoder as ids, give the same hidden states as through embed and encode.
    direct = module.encoder(**encoder_inputs(module.encoder, batch)).last_hidden_state
    real = batch["attention_mask"].bool()
    assert torch.allclose(output.hidden[real], direct[real], atol=1e-5)
    shorter = {name: value[1:, :4] for name, value in batch.items()}
    assert torch.allclose(module(shorter).logits, output.logits[1:], atol=1e-5)


def test_token_types_and_language_ids_change_the_answer(tmp_path: Path) -> None:
    bert = RobustClassifier(encoder=str(save_tiny_encoder(tmp_path / "bert")), labels=["a", "b"]).eval()
    typed = batch_of() | {"token_type_ids": torch.tensor([[0, 0, 0, 1, 1, 1]] * 2)}
    assert not torch.allclose(bert(typed).logits, bert(batch_of()).logits)
    xlm = save_tiny_encoder(tmp_path / "xlm", "xlm", **FAMILIES["xlm"])
    module = RobustClassifier(encoder=str(xlm), labels=["a", "b"]).eval()
    first, second = (module(batch_of() | {"langs": torch.full((2, 6), n)}).logits for n in (0, 1))
    assert not torch.allclose(first, second)


def test_inputs_are_those_that_the_model_takes(tmp_path: Path) -> None:
    inputs = batch_of() | {"labels": torch.tensor([0, 1]), "perturbable": torch.ones(2, 6, dtype=torch.bool)}
    batch = inputs | {name: torch.zeros(2, 6, dtype=torch.long) for name in ("token_type_ids", "langs")}
    taken = {}
    for family in ("bert", "distilbert", "xlm"):
        model = load_encoder(str(save_tiny_encoder(tmp_path / family, family, **FAMILIES[family])))
        taken[family] = set(encoder_inputs(model, batch))
    plain = {"input_ids", "attention_mask"}
    assert taken["bert"] == plain | {"token_type_ids"} and taken["distilbert"] == plain
    assert taken["xlm"] == plain | {"token_type_ids", "langs"}
    embeddings = torch.zeros(2, 6, 16)
    assert set(encoder_inputs(model, inputs, embeddings)) == {"inputs_embeds", "attention_mask"}


def test_no_pooler_and_training_mode(tiny_encoder: Path) -> None:
    encoder = load_encoder(str(tiny_encoder))
    assert encoder.training
    assert not [name for name, _ in encoder.named_parameters() if "pooler" in name]
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_frozen_embeddings_and_dropout(tiny_encoder: Path) -> None:
    encoder = load_encoder(str(tiny_encoder), freeze_embeddings=True, dropout=0.25)
    frozen = [name for name, parameter in encoder.named_parameters() if not parameter.requires_grad]
    assert frozen == ["embeddings.word_embeddings.weight"]
    assert {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)} == {0.25}


def test_incomplete_weights_are_refused(tmp_path: Path) -> None:
    config = AutoConfig.for_model("bert", vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)
    model = AutoModel.from_config(config)
    state = {name: value for name, value in model.state_dict().items() if "attention.self.query" not in name}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(ValueError, match="not a complete encoder"):
        load_encoder(str(tmp_path))


def test_bad_dropout_is_refused(tiny_encoder: Path) -> None:
    with pytest.raises(ValueError, match="Expected argument `dropout`"):
        load_encoder(str(tiny_encoder), dropout=1.5)

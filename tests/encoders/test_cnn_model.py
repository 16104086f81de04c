"""The convolutional encoder with a few thousand parameters, in every role that encoders have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from encoders.test_load import batch_of
from models.test_classifier import make, trainer
from transformers import AutoModel

from conftest import save_tiny_encoder
from xltrobust.encoders.load import load_encoder
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import IncompatibleRegularizer, UserError
from xltrobust.example import Example
from xltrobust.exporting.model import save_model
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.goal import Misclassification
from xltrobust.regularizers import AdversarialTraining, Ball

SIZES = {"embedding_size": 12, "widths": [2, 3, 5], "filters": 6, "hidden_size": 16, "pooler_size": 8}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("cnn"), "use-cnn", **SIZES)


def normalized(row: np.ndarray, norm: torch.nn.LayerNorm) -> np.ndarray:
    scaled = (row - row.mean()) / np.sqrt(row.var() + norm.eps)
    return scaled * norm.weight.detach().numpy() + norm.bias.detach().numpy()


def test_hidden_states_against_loops(path: Path) -> None:
    """Window by window, with numpy: a window of width n begins (n - 1) // 2 tokens before its token."""
    encoder = load_encoder(str(path)).eval()
    with torch.no_grad():
        for norm in (encoder.inputs_norm, encoder.norm):
            norm.weight.normal_()
            norm.bias.normal_()
    embeddings = torch.randn(7, 12)
    weights = {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}
    features = [[row] for row in embeddings.numpy()]
    inputs = [
        normalized(weights["inputs.weight"] @ row[0] + weights["inputs.bias"], encoder.inputs_norm) for row in features
    ]
    for number, width in enumerate(SIZES["widths"]):  # type: ignore[arg-type]
        hidden = [row[6 * number : 6 * number + 6] for row in inputs]
        for part in ("first", "second"):
            kernel, bias = (weights[f"branches.{number}.{part}.{kind}"] for kind in ("weight", "bias"))
            changed = []
            for at in range(7):
                total = bias.copy()
                for offset in range(width):
                    if 0 <= (seen := at - (width - 1) // 2 + offset) < 7:
                        total += kernel[:, :, offset] @ hidden[seen]
                changed.append(np.maximum(total, 0) + hidden[at])
            hidden = changed
        for row, own in zip(features, hidden, strict=True):
            row.append(own)
    expected = [
        weights["project.weight"] @ normalized(np.concatenate(row), encoder.norm) + weights["project.bias"]
        for row in features
    ]
    found = encoder(inputs_embeds=embeddings[None], output_hidden_states=True)
    np.testing.assert_allclose(found.last_hidden_state[0].detach(), np.stack(expected), atol=1e-5)
    assert torch.equal(found.hidden_states[0], embeddings[None])


def test_padding_changes_nothing(path: Path) -> None:
    module = RobustClassifier(encoder=str(path), labels=["a", "b"], pooling="encoder").eval()
    batch = batch_of()
    output = module(batch)
    assert output.embeddings.shape == (2, 6, 12) and output.hidden.shape == (2, 6, 16)
    shorter = {name: value[1:, :4] for name, value in batch.items()}
    assert torch.allclose(module(shorter).logits, output.logits[1:], atol=1e-6)
    other = batch | {"input_ids": batch["input_ids"].masked_fill(batch["attention_mask"] == 0, 9)}
    assert torch.equal(module(other).logits, output.logits)


def test_saved_and_loaded(path: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(path)).eval()
    encoder.save_pretrained(tmp_path)
    batch = batch_of()
    again = AutoModel.from_pretrained(tmp_path)
    assert torch.equal(again(**batch).last_hidden_state, encoder(**batch).last_hidden_state)


def test_gradients_of_attacks(path: Path) -> None:
    module = RobustClassifier(encoder=str(path), labels=["a", "b", "c"], pooling="encoder").double().eval()
    tokenization = Tokenization(str(path), 64)
    example = Example("0", "de", "das Haus ist grün", 1)
    (found,) = ClassifierVictim(module, tokenization).gradients([example], Misclassification())
    batch = tokenization.collate([tokenization.table([example]).row(0)])
    embeddings = torch.from_numpy(found.embeddings).double()
    direction = torch.from_numpy(found.gradients).double()
    direction /= direction.norm()

    def margin(step: float) -> float:
        with torch.no_grad():
            row = module.logits((embeddings + step * direction)[None], batch)[0]
        return float(row[1] - row[[0, 2]].max())

    slope = (margin(1e-4) - margin(-1e-4)) / 2e-4
    assert slope == pytest.approx(np.linalg.norm(found.gradients), rel=1e-3) and slope > 0


def test_training_on_layer_0_with_frozen_embeddings_and_a_checkpoint(
    path: Path, tiny_task: Path, tmp_path: Path
) -> None:
    module, data = make(path, tiny_task, pooling="encoder", freeze_embeddings=True)
    before = {name: parameter.clone() for name, parameter in module.encoder.named_parameters()}
    training = trainer(max_epochs=1, callbacks=[AdversarialTraining(ball=Ball(epsilon=0.3), steps=2)])
    training.fit(module, data)
    moved = {name for name, parameter in module.encoder.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == before.keys() - {"token_embeddings.weight"}
    training.save_checkpoint(tmp_path / "c.ckpt", weights_only=True)
    stored = torch.load(tmp_path / "c.ckpt", weights_only=True)["state_dict"]
    assert "encoder.token_embeddings.weight" not in stored
    again = RobustClassifier.load_from_checkpoint(tmp_path / "c.ckpt").eval()
    assert torch.equal(again(batch_of()).logits, module.eval().cpu()(batch_of()).logits)


def test_layers_are_refused(path: Path) -> None:
    module = RobustClassifier(encoder=str(path), labels=["a", "b"], pooling="encoder")
    with pytest.raises(IncompatibleRegularizer, match="CnnModel has no list of layers to perturb: use layer 0"):
        _ = module.layers


def test_its_own_pooling_is_the_only_one(path: Path, tiny_encoder: Path) -> None:
    for pooling in ("cls", "mean"):
        with pytest.raises(ValueError, match=rf"`pooling` to be 'encoder' for .*, but got '{pooling}'"):
            RobustClassifier(encoder=str(path), labels=["a", "b"], pooling=pooling)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`pooling` to be 'cls' or 'mean' for .*, but got 'encoder'"):
        RobustClassifier(encoder=str(tiny_encoder), labels=["a", "b"], pooling="encoder")


def test_export_is_refused(path: Path, tmp_path: Path) -> None:
    module = RobustClassifier(encoder=str(path), labels=["a", "b"], pooling="encoder").eval()
    with pytest.raises(UserError, match="cannot be exported"):
        save_model(module, Tokenization(str(path), 64), tmp_path, pairs=False)
    assert not list(tmp_path.iterdir())

"""A perturbation of a layer's output arrives there and nowhere before."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer

from conftest import save_tiny_encoder
from xltrobust.models.classifier import RobustClassifier
from xltrobust.regularizers import AdversarialTraining


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "deberta-v2"])
def test_shift_is_added_to_the_layers_output(tmp_path: Path, family: str) -> None:
    encoder = save_tiny_encoder(tmp_path, family, num_hidden_layers=2)
    module = RobustClassifier(encoder=str(encoder), labels=["a", "b"]).eval()
    batch = {"input_ids": torch.randint(5, 200, (2, 7)), "attention_mask": torch.ones(2, 7, dtype=torch.long)}
    embeddings, shift = module.embed(batch), torch.randn(2, 7, 16)
    clean = module.encode(embeddings, batch)
    assert torch.allclose(module.encode(embeddings, batch, shift, layer=2), clean + shift, atol=1e-5)
    assert torch.allclose(module.encode(embeddings, batch, shift), module.encode(embeddings + shift, batch))
    middle = module.encode(embeddings, batch, shift, layer=1)
    assert not torch.allclose(middle, clean + shift, atol=1e-2) and not torch.allclose(middle, clean, atol=1e-2)
    assert torch.equal(module.encode(embeddings, batch), clean)  # nothing is left behind


def test_layers_that_are_not_there_are_refused(tmp_path: Path, tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task)
    fitting = trainer(max_epochs=1)
    fitting.callbacks.append(AdversarialTraining(layer=2))
    with pytest.raises(ValueError, match="to be at most 1, the number of the encoder's layers, but got 2"):
        fitting.fit(module, datamodule=data)
    options = {"emb_dim": 16, "n_layers": 1, "n_heads": 2, "n_langs": 1}
    xlm = RobustClassifier(encoder=str(save_tiny_encoder(tmp_path, "xlm", **options)), labels=["a", "b"])
    with pytest.raises(ValueError, match="XLMModel has no list of layers to perturb: use layer 0"):
        _ = xlm.layers

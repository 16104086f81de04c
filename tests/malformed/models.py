"""Encoders, classifiers and checkpoints that are not what they should be."""

from __future__ import annotations

from pathlib import Path

from malformed.configuration import FIT
from malformed.workplace import Case, Damage, cut, directory, remove, saved, setting, write


def _few_embeddings(folder: Path) -> None:
    from conftest import save_tiny_encoder

    remove("encoder")(folder)
    save_tiny_encoder(folder / "encoder", vocab_size=100)


_ENCODER: dict[str, tuple[tuple[Damage, ...], tuple[str, ...]]] = {
    "missing": ((remove("encoder"),), ("encoder",)),
    "empty": ((directory("encoder"),), ("encoder",)),
    "a file": ((write("encoder", "text"),), ("encoder",)),
    "no tokenizer": (
        (remove("encoder/tokenizer.json"), remove("encoder/tokenizer_config.json")),
        ("encoder", "tokenizer"),
    ),
    "no vocabulary": ((remove("encoder/tokenizer.json"),), ("encoder", "tokenizer")),
    "tokenizer no JSON": ((write("encoder/tokenizer.json", "{"),), ("encoder", "tokenizer")),
    "no configuration": ((remove("encoder/config.json"),), ("encoder",)),
    "configuration no JSON": ((write("encoder/config.json", "{"),), ("encoder", "config.json")),
    "unknown type": ((setting("model_type", "nonsense", "encoder/config.json"),), ("encoder", "nonsense")),
    "other type": ((setting("model_type", "t5", "encoder/config.json"),), ("encoder",)),
    "other width": ((setting("hidden_size", 32, "encoder/config.json"),), ("encoder",)),
    "tokenizer of another": ((_few_embeddings,), ("encoder", "tokenizer", "100 embeddings")),
    "no weights": ((remove("encoder/model.safetensors"),), ("encoder",)),
    "weights empty": ((write("encoder/model.safetensors", ""),), ("encoder",)),
    "weights cut": ((cut("encoder/model.safetensors"),), ("encoder",)),
    "weights pickled text": (
        (remove("encoder/model.safetensors"), write("encoder/pytorch_model.bin", "no weights")),
        ("encoder",),
    ),
}
_CLASSIFIER: dict[str, tuple[tuple[Damage, ...], tuple[str, ...]]] = {
    "missing": ((remove("classifier"),), ("classifier",)),
    "no classifier": (
        (setting("nothing", 1), remove("classifier"), write("classifier/config.json", "{}")),
        ("classifier",),
    ),
    "weights cut": ((cut("classifier/model.safetensors"),), ("classifier",)),
    "no tokenizer": (
        (remove("classifier/tokenizer.json"), remove("classifier/tokenizer_config.json")),
        ("classifier", "tokenizer"),
    ),
    "tokenizer no JSON": ((write("classifier/tokenizer.json", "{"),), ("classifier", "tokenizer")),
    "other classes": (
        (setting("id2label", {"0": "a", "1": "b", "2": "c"}, "classifier/config.json"),),
        ("classifier", "a, b, c"),
    ),
    "configuration no JSON": ((write("classifier/config.json", "{"),), ("classifier",)),
}
_CHECKPOINT: dict[str, tuple[Damage, ...]] = {
    "empty": (write("own.ckpt", ""),),
    "text": (write("own.ckpt", "no checkpoint\n"),),
    "foreign": (saved("own.ckpt", {"weights": [1, 2, 3]}),),
    "state of another model": (saved("own.ckpt", {"state_dict": {}, "pytorch-lightning_version": "2.6.0"}),),
    "folder": (directory("own.ckpt"),),
}

CASES: dict[str, Case] = {}
for kind, (damages, says) in _ENCODER.items():
    CASES[f"fit: encoder {kind}"] = Case("fit", FIT, says, damages)
MODEL = "--model classifier --config config.yaml --output attacked --attack attack.yaml"
for kind, (damages, says) in _CLASSIFIER.items():
    CASES[f"attack --model: {kind}"] = Case("attack", MODEL, says, damages)
CASES["attack --model: an encoder"] = Case("attack", MODEL.replace("classifier", "encoder"), ("encoder", "classifier"))
for kind, damage in _CHECKPOINT.items():
    CASES[f"fit: test_checkpoint {kind}"] = Case("fit", f"{FIT} --test_checkpoint own.ckpt", ("own.ckpt",), damage)

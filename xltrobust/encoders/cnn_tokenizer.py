"""The tokenizer of the multilingual Universal Sentence Encoder, made of parts that ``tokenizers`` can save."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from xltrobust.encoders.bundled import character_class

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer

UNK, BOS, EOS = 0, 1, 2
# What the encoder's normaliser does beside NFKC: these become spaces, and the full-width tilde stays as it is.
_SPACES = "\t\n\f\r\u1680\u200b\u200e\u200f\u2028\u2029▁\ufeff\ufffd"
_KEPT = "\uff5e"
_BARRIER, _KEPT_MARK = "\ufdd0", "\ufdd1"  # noncharacters, which no text has and NFKC lets stand


def cnn_tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """SentencePiece's unigram tokenizer, which encodes a text as ``<s> a </s>``, and a pair as two such texts.

    Args:
        pieces: with their log-probabilities, by id; the first three are ``<unk>``, ``<s>`` and ``</s>``. ``<pad>``
            becomes the token after the last.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=UNK, byte_fallback=False))
    tokenizer.normalizer = cnn_normalizer()
    # Spaces only: other white space that the normaliser lets stand is an unknown character to this encoder.
    spaces = pre_tokenizers.Split(Regex(" +"), "removed")
    marks = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([spaces, marks])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> <s> $B </s>", special_tokens=[("<s>", BOS), ("</s>", EOS)]
    )
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def cnn_normalizer() -> Normalizer:
    """The encoder's normaliser ``nmt_nfkc``, but for runs of spaces, which are left to be split on.

    SentencePiece replaces the longest sequence that its table knows by its NFKC, and goes on behind it. So it never
    reorders combining marks, as NFKC does: where NFKC would, a barrier is put between the characters.
    """
    from tokenizers import Regex, normalizers

    composing = _composing()
    still = [c for c in _characters() if unicodedata.combining(c) and c not in composing]
    longer = [c for c in _characters() if len(unicodedata.normalize("NFKC", c)) > 1]
    # Never at the start of a text: `Replace` would leave offsets there with which NFKC runs out of bounds.
    where = [_between(_characters(), still), _between([*longer, *still], sorted(composing))]
    for order in sorted({unicodedata.combining(c) for c in composing}):
        here = [c for c in composing if unicodedata.combining(c) == order]
        if above := [c for c in composing if unicodedata.combining(c) > order]:
            where.append(_between(above, here))
    return normalizers.Sequence(
        [
            normalizers.Replace(Regex(_one_of(_SPACES)), " "),
            normalizers.Replace(_KEPT, _KEPT_MARK),
            normalizers.Replace(Regex("|".join(where)), _BARRIER),
            normalizers.NFKC(),
            normalizers.Replace(_BARRIER, ""),
            normalizers.Replace(_KEPT_MARK, _KEPT),
        ]
    )


def _composing() -> set[str]:
    """Combining marks that together with another character are equivalent to a single one."""
    found = set()
    for character in _characters():
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.is_normalized("NFC", character):
            found.add(chr(int(parts[1], 16)))
    found |= {c for c in _characters() if unicodedata.normalize("NFC", c) in found}
    return {c for c in found if unicodedata.combining(c)}


@cache
def _characters() -> tuple[str, ...]:
    return tuple(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)


def _one_of(characters: str | list[str] | tuple[str, ...]) -> str:
    return character_class(map(ord, characters))


def _between(before: list[str] | tuple[str, ...], after: list[str]) -> str:
    return f"(?<={_one_of(before)})(?={_one_of(after)})"

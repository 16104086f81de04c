"""A defence against characters that are not seen: texts are normalised before the tokenizer reads them.

It is part of the tokenizer, so that training, tests, attacks and exported models all read texts through it, and tokens
go on pointing at the characters of the text as it was given.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

import regex

from xltrobust.encoders.bundled import character_class
from xltrobust.errors import UserError

if TYPE_CHECKING:
    from tokenizers.normalizers import Normalizer
    from transformers import PreTrainedTokenizerBase

Normalization = Literal["none", "nfkc", "strip"]

_JOINERS = r"[\x{200c}\x{200d}]"
# Letters and marks on both sides of which a joiner or non-joiner is part of the spelling.
_SPELT_WITH_JOINERS = (
    r"\p{Arabic}\p{Syriac}\p{Mongolian}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}\p{Telugu}"
    r"\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}\p{Tibetan}"
)
_PICTURES = r"\p{So}\p{Sk}\x{fe0f}"  # a joiner makes one emoji of several


def normalizing(tokenizer: PreTrainedTokenizerBase, normalize: Normalization) -> PreTrainedTokenizerBase:
    """A copy of a tokenizer that normalises texts before it does anything else; with ``none`` the tokenizer itself.

    Args:
        tokenizer: a fast one.
        normalize: ``nfkc``: Unicode's compatibility form. ``strip``: without control characters and characters that
            are not displayed (Unicode's default ignorables): direction controls, zero-width spaces, soft hyphens,
            tags. White space stays, and so do variation selectors, and joiners and non-joiners where they are
            part of the spelling: between letters of Arabic and of the scripts of India, and in emoji.

    Raises:
        UserError: if the tokenizer is not a fast one.
    """
    if normalize == "none":
        return tokenizer
    if not tokenizer.is_fast:
        raise UserError(f"{type(tokenizer).__name__} cannot normalise texts: data.normalize needs a fast tokenizer.")
    from tokenizers import normalizers

    changed = copy.deepcopy(tokenizer)
    own = changed.backend_tokenizer.normalizer
    first = normalizers.NFKC() if normalize == "nfkc" else stripping()
    changed.backend_tokenizer.normalizer = first if own is None else normalizers.Sequence([first, own])
    return changed


def checked_normalization(normalize: Normalization) -> Normalization:
    """Returns the name.

    Raises:
        ValueError: if there is no such normalisation.
    """
    if normalize not in get_args(Normalization):
        raise ValueError(f"Expected argument `normalize` to be 'none', 'nfkc' or 'strip', but got {normalize!r}.")
    return normalize


def stripping() -> Normalizer:
    """Deletes characters that are not displayed; see :func:`normalizing`."""
    from tokenizers import Regex, normalizers

    kept_after = f"(?<![{_SPELT_WITH_JOINERS}{_PICTURES}])"
    kept_before = f"(?![{_SPELT_WITH_JOINERS}{_PICTURES}])"
    pattern = f"{character_class(_not_displayed())}|{kept_after}{_JOINERS}|{_JOINERS}{kept_before}"
    return normalizers.Replace(Regex(pattern), "")


@cache
def _not_displayed() -> list[int]:
    """Code points of default ignorables and controls; not of white space, joiners and variation selectors."""
    every = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    pattern = r"(?V1)[[\p{Default_Ignorable_Code_Point}\p{Cc}]--[\s\p{Variation_Selector}\u200c\u200d]]"
    return [ord(found) for found in regex.findall(pattern, every)]

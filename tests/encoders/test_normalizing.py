import random

import pytest
from perturb.sentences import HARDER, SENTENCES

from xltrobust.encoders.normalizing import checked_normalization, normalizing, stripping
from xltrobust.encoders.tokenization import Tokenization, load_tokenizer
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb import BidiPerturbation, ZeroWidthPerturbation, apply_edits


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("tu\u200brn\u2060 o\ufeffff\u00ad", "turn off"),
        ("a\u0008b\u007f\u0000\tc\nd", "ab\tc\nd"),
        ("\u200e\u2066\u202eba\u202c\u2069\u200e", "ba"),
        ("tu\u200crn o\u200dff", "turn off"),
        ("می\u200cکنید", "می\u200cکنید"),
        ("क्\u200dया श्री\u200cमान", "क्\u200dया श्री\u200cमान"),
        ("👩\u200d👩\u200d👧 👍🏽\u200d", "👩\u200d👩\u200d👧 👍🏽"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("\U000e0041a", "a"),
    ],
)
def test_stripped_by_hand(text, stripped):
    assert stripping().normalize_str(text) == stripped


def test_real_sentences_are_left_alone_and_zero_width_characters_are_undone():
    strip = stripping().normalize_str
    for language, text in {**SENTENCES, **HARDER}.items():
        assert strip(text) == text
        example = Example("0", language, text, 0)
        for edit in ZeroWidthPerturbation().candidates(example, random.Random(0)):
            assert strip(apply_edits(example, [edit]).text) == text


def test_a_reordering_is_left_as_swapped_letters():
    example = Example("0", "en", "am", 0)
    (edit,) = BidiPerturbation().candidates(example, random.Random(0))
    assert stripping().normalize_str(apply_edits(example, [edit]).text) == "ma"


def test_tokens_are_those_of_the_clean_text_and_point_into_the_given_one(tiny_encoder):
    plain, own = Tokenization(str(tiny_encoder), 64), Tokenization(str(tiny_encoder), 64, "strip")
    clean, dirty = Example("0", "en", "abc de", 0), Example("0", "en", "\u200ba\u2060bc d\u200be", 0)
    rows = [tokens.table([text]).row(0)["input_ids"].tolist() for tokens in (plain, own) for text in (clean, dirty)]
    assert rows[1] != rows[0] == rows[2] == rows[3]
    (sides, spans), (clean_sides, clean_spans) = own.spans([dirty, clean])
    assert sides.tolist() == clean_sides.tolist()
    read = [dirty.text[a:b].translate(dict.fromkeys([0x200B, 0x2060])) for a, b in spans[sides == 0]]
    assert read == [clean.text[a:b] for a, b in clean_spans[sides == 0]]


def test_tables_of_large_sets_are_kept_apart(tiny_encoder, monkeypatch):
    monkeypatch.setattr("xltrobust.encoders.tokenization._WORTH_A_FILE", 1)
    dirty = [Example("0", "en", "a\u200bb", 0)]
    lengths = [
        len(Tokenization(str(tiny_encoder), 64, how).table(dirty).row(0)["input_ids"]) for how in ("none", "strip")
    ]
    assert lengths[0] > lengths[1]


def test_the_tokenizer_itself_is_left_as_it_was(tiny_encoder):
    tokenizer = load_tokenizer(str(tiny_encoder))
    before = str(tokenizer.backend_tokenizer.normalizer)
    assert normalizing(tokenizer, "nfkc")("ａ")["input_ids"] == tokenizer("a")["input_ids"]
    assert normalizing(tokenizer, "none") is tokenizer
    assert str(tokenizer.backend_tokenizer.normalizer) == before


def test_slow_tokenizers_and_unknown_names_are_refused(tiny_encoder):
    from transformers import ByT5Tokenizer

    with pytest.raises(UserError, match="^ByT5Tokenizer cannot normalise texts: data.normalize needs a fast tokenizer"):
        normalizing(ByT5Tokenizer(), "strip")
    with pytest.raises(ValueError, match="Expected argument `normalize` to be 'none', 'nfkc' or 'strip', but got 'x'"):
        checked_normalization("x")

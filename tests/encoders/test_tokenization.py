import copy
import json
import shutil

import numpy as np
import pytest
import torch

from xltrobust.encoders import tokenization as tokenization_module
from xltrobust.encoders.tokenization import Tokenization, load_tokenizer
from xltrobust.example import Example

CLS, PAD, SEP = 0, 1, 2


def texts(*values: str, language: str = "en") -> list[Example]:
    return [Example(str(number), language, value, 0) for number, value in enumerate(values)]


def many(count: int = 2_000, word: str = "x") -> list[Example]:
    return texts(*(f"{word}{number}" for number in range(count)))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tokens"


@pytest.fixture
def with_types(tiny_encoder, tmp_path):
    """The tiny tokenizer, of a model that takes token types."""
    directory = shutil.copytree(tiny_encoder, tmp_path / "types")
    path = directory / "tokenizer_config.json"
    names = ["input_ids", "token_type_ids", "attention_mask"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_input_names": names}))
    return str(directory)


def with_languages(encoder: str, **known: int) -> Tokenization:
    """A tokenization like XLM's: its tokenizer knows the numbers of languages."""
    tokenization = Tokenization(encoder, 32)
    tokenization.tokenizer = copy.deepcopy(tokenization.tokenizer)
    tokenization.tokenizer.lang2id = known
    return tokenization


def test_rows_are_the_tokenizers_ids(tiny_encoder):
    tokenization = Tokenization(str(tiny_encoder), 32)
    examples = texts("red house", "", "grün")
    table = tokenization.table(examples)
    expected = [tokenization.tokenizer(example.text)["input_ids"] for example in examples]
    assert [table.row(i)["input_ids"].tolist() for i in range(3)] == expected
    assert table.lengths.tolist() == [11, 2, 7] and len(table) == 3


def test_truncation_is_counted_exactly(tiny_encoder):
    table = Tokenization(str(tiny_encoder), 10).table(texts("a" * 7, "a" * 8, "a" * 9, "a" * 30))
    assert table.truncated.tolist() == [False, False, True, True]
    assert table.lengths.tolist() == [9, 10, 10, 10]
    assert table.row(3)["input_ids"][-1] == SEP


def test_truncation_of_pairs_counts_both_sides_and_cuts_the_longer(tiny_encoder):
    tokenization = Tokenization(str(tiny_encoder), 12)
    pairs = [("a" * 4, "b" * 4), ("a" * 4, "b" * 5), ("a" * 20, "b" * 2)]
    table = tokenization.table([Example("0", "en", a, 0, b) for a, b in pairs])
    assert table.truncated.tolist() == [False, True, True]
    decoded = [tokenization.tokenizer.decode(table.row(i)["input_ids"], skip_special_tokens=True) for i in range(3)]
    assert decoded == ["aaaabbbb", "aaaabbbb", "aaaaaabb"]


def test_the_maximum_length_is_at_most_the_models(tiny_encoder):
    assert Tokenization(str(tiny_encoder), 500).max_length == 120


def test_no_examples_make_an_empty_table(tiny_encoder):
    table = Tokenization(str(tiny_encoder), 16).table([])
    assert (len(table), table.lengths.tolist(), table.truncated.tolist()) == (0, [], [])


def test_collate_pads_to_the_longest_or_to_the_grid(tiny_encoder):
    tokenization = Tokenization(str(tiny_encoder), 12)
    table = tokenization.table(texts("abc", "a", "a" * 30))
    short, to_grid = (tokenization.collate([table.row(0), table.row(1)], grid) for grid in (False, True))
    assert short["input_ids"].shape == (2, 5) and to_grid["input_ids"].shape == (2, 8)
    assert short["input_ids"].tolist()[1][2:] == [SEP, PAD, PAD]
    assert to_grid["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0]]
    assert torch.equal(to_grid["input_ids"][:, :5], short["input_ids"])
    assert tokenization.collate([table.row(0), table.row(2)], True)["input_ids"].shape == (2, 12)


def test_token_types_of_pairs(with_types):
    tokenization = Tokenization(with_types, 16)
    table = tokenization.table([Example("0", "en", "ab", 0, "c"), Example("1", "en", "a", 0, "cde")])
    assert table.row(0)["token_type_ids"].tolist() == [0, 0, 0, 0, 0, 1, 1]
    batch = tokenization.collate([table.row(0), table.row(1)])
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 1, 1]]


def test_a_large_set_is_read_from_its_file_the_second_time(tiny_encoder, cache, monkeypatch):
    tokenization, examples = Tokenization(str(tiny_encoder), 16), many()
    first = tokenization.table(examples)
    monkeypatch.setattr(tokenization, "_tokenize", lambda examples: pytest.fail("tokenized again"))
    second = tokenization.table(examples)
    assert np.array_equal(first.columns["input_ids"], second.columns["input_ids"])
    assert np.array_equal(second.offsets, first.offsets) and set(second.columns) == set(first.columns)


@pytest.mark.parametrize("size", [0, 1_000])
def test_a_damaged_file_is_made_anew(tiny_encoder, cache, size):
    tokenization, examples = Tokenization(str(tiny_encoder), 16), many()
    first = tokenization.table(examples)
    (path,) = cache.glob("*/table.npz")
    with path.open("r+b") as stream:
        stream.truncate(size)
    with pytest.warns(UserWarning, match="damaged or incomplete; it is made anew"):
        second = tokenization.table(examples)
    assert np.array_equal(first.columns["input_ids"], second.columns["input_ids"])
    assert path.stat().st_size > 1_000


def test_without_a_cache_texts_are_tokenized_all_the_same(tiny_encoder, monkeypatch):
    monkeypatch.setattr("xltrobust.cache._elsewhere", {})
    monkeypatch.setenv("XLTROBUST_CACHE", "/proc/xltrobust")
    with pytest.warns(UserWarning, match="cannot be written"):
        assert len(Tokenization(str(tiny_encoder), 16).table(many())) == len(many())


def test_a_stored_table_is_the_one_that_was_made(with_types, cache):
    examples = [Example(str(i), "en", f"a{i}" * (i % 9), 0, "b") for i in range(2_000)]
    made, stored = (Tokenization(with_types, 12).table(examples) for _ in range(2))
    assert made.truncated.any() and not made.truncated.all()
    for name in ("offsets", "truncated"):
        assert np.array_equal(getattr(made, name), getattr(stored, name))
    assert made.columns.keys() == stored.columns.keys() == {"input_ids", "token_type_ids"}
    assert all(np.array_equal(made.columns[name], stored.columns[name]) for name in made.columns)


def test_a_small_set_writes_no_file(tiny_encoder, cache):
    Tokenization(str(tiny_encoder), 16).table(many(1_999))
    assert not cache.exists()


def test_another_text_pair_length_or_tokenizer_has_another_file(tiny_encoder, with_types, cache):
    examples = many()
    Tokenization(str(tiny_encoder), 16).table(examples)
    Tokenization(str(tiny_encoder), 17).table(examples)
    Tokenization(with_types, 16).table(examples)
    Tokenization(str(tiny_encoder), 16).table([*examples[:-1], Example("0", "en", "y", 0)])
    Tokenization(str(tiny_encoder), 16).table([Example(e.id, "en", e.text, 0, "") for e in examples])
    assert len(list(cache.iterdir())) == 5
    Tokenization(str(tiny_encoder), 16).table([Example("other", "en", e.text, 2) for e in examples])
    assert len(list(cache.iterdir())) == 5  # neither label nor id changes tokens


def test_a_vocabulary_with_other_tokens_has_another_file(tiny_encoder, tmp_path, cache):
    directory = shutil.copytree(tiny_encoder, tmp_path / "other")
    path = directory / "tokenizer.json"
    described = json.loads(path.read_text())
    vocabulary = described["model"]["vocab"]
    vocabulary["x"], vocabulary["y"] = vocabulary["y"], vocabulary["x"]
    path.write_text(json.dumps(described))
    first, second = (Tokenization(str(name), 16).table(many()) for name in (tiny_encoder, directory))
    assert first.row(0)["input_ids"].tolist() != second.row(0)["input_ids"].tolist()


def test_the_file_does_not_depend_on_what_was_tokenized_before(tiny_encoder, cache):
    def fresh_process() -> Tokenization:
        load_tokenizer.cache_clear()
        tokenization_module._fingerprint.cache_clear()
        return Tokenization(str(tiny_encoder), 16)

    fresh_process().table(many())
    later = fresh_process()
    later.table(texts("a"))
    later.table(many())
    assert len(list(cache.iterdir())) == 1


def test_xlm_is_told_the_language_of_every_token(tiny_encoder):
    tokenization = with_languages(str(tiny_encoder), en=4, de=7)
    table = tokenization.table([Example("0", "de", "rot", 0), Example("1", "en", "red", 0)])
    assert table.row(0)["langs"].tolist() == [7] * 5
    assert tokenization.collate([table.row(0), table.row(1)])["langs"].tolist() == [[7] * 5, [4] * 5]


def test_xlm_is_told_both_languages_of_a_pair(tiny_encoder):
    tokenization = with_languages(str(tiny_encoder), en=4, de=7)
    table = tokenization.table([Example("0", ("en", "de"), "red", 0, "rot"), Example("1", "de", "rot", 0, "rot")])
    ids = table.row(0)["input_ids"].tolist()
    assert ids[4] == SEP and ids[0] == CLS
    assert table.row(0)["langs"].tolist() == [4] * 5 + [7] * 5  # <s> red </s> | </s> rot </s>
    assert table.row(1)["langs"].tolist() == [7] * 10


def test_a_separator_that_begins_a_text_is_not_the_boundary(tiny_encoder):
    tokenization = with_languages(str(tiny_encoder), en=4, de=7)
    tokenization.tokenizer.sep_token = tokenization.tokenizer.cls_token
    example = Example("0", ("en", "de"), "a", 0, "b")
    assert tokenization._language_ids([0, 9, 0, 8, 0], example, tokenization.tokenizer.lang2id) == [4, 4, 4, 7, 7]


def test_a_language_that_the_encoder_does_not_know_is_refused(tiny_encoder):
    tokenization = with_languages(str(tiny_encoder), en=4, de=7)
    for language in ("sw", ("en", "sw")):
        with pytest.raises(ValueError, match=r"Language 'sw' is not among the encoder's languages \(de, en\)"):
            tokenization.table([Example("0", language, "a", 0, "b")])

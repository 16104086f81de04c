import unicodedata

import pytest
from perturb.sentences import SENTENCES

from xltrobust.text.words import count_words, normalize, split_clusters, split_words, word_span

FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_are_where_they_say_and_hold_every_letter(language, form):
    text = unicodedata.normalize(form, SENTENCES[language])
    assert "".join(split_clusters(text)) == text
    covered = set()
    for word in split_words(text):
        assert len(word.bounds) == len(word.clusters) + 1
        for cluster, start, end in zip(word.clusters, word.bounds, word.bounds[1:], strict=False):
            assert text[start:end] == cluster
            covered.update(range(start, end))
    letters = {at for at, character in enumerate(text) if unicodedata.category(character)[0] in "LM"}
    assert letters <= covered
    assert not any(text[at].isspace() or text[at].isdigit() for at in covered)


@pytest.mark.parametrize(
    ("text", "clusters"),
    [
        ("e\u0301a", ["e\u0301", "a"]),
        ("क्षत्रिय", ["क्ष", "त्रि", "य"]),
        ("ಕ್ಷಮೆ", ["ಕ್ಷ", "ಮೆ"]),
        ("မြန်မာသတ္တ", ["မြ", "န်", "မာ", "သ", "တ္တ"]),
        ("ทำ", ["ทำ"]),
        (f"a{FAMILY}🇩🇪🇫🇷", ["a", FAMILY, "🇩🇪", "🇫🇷"]),
        ("می\u200cکنم", ["م", "ی\u200c", "ک", "ن", "م"]),
        (unicodedata.normalize("NFD", "한국"), [unicodedata.normalize("NFD", c) for c in "한국"]),
    ],
)
def test_split_clusters_by_hand(text, clusters):
    assert split_clusters(text) == clusters


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("7 8", 0),
        ("turn it off", 3),
        ("我喜欢猫", 3),
        ("我,他", 2),
        ("ขอบคุณ", 1),
        ("ปิดไฟ", 2),
        ("colorは青", 3),
    ],
)
def test_count_words_by_hand(text, count):
    assert count_words(text) == count


def test_word_span_widens_to_spaced_words_only():
    assert word_span("turn it off", 5, 5) == (5, 7)
    assert word_span("turn it off", 3, 6) == (0, 7)
    assert word_span("turn 77 off", 5, 6) == (5, 6)
    assert word_span("我很喜欢你", 1, 2) == (1, 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [("é", "e\u0301"), ("ａ", "a"), (" a \n b", "a b"), ("a\u00adb", "ab"), ("a\u3000b", "a b"), ("ﬁ", "fi")],
)
def test_normalize_equates_what_tokenizers_do(one, other):
    assert normalize(one) == normalize(other)


def test_normalize_keeps_case_and_accents():
    assert len({normalize(text) for text in ("a", "A", "á", "ab", "a b")}) == 5

import pytest

from xltrobust.datamodules.parallel.cleaning import PairCleaner
from xltrobust.datamodules.parallel.sources.base import SentencePair


def pair(source: str, target: str, languages=("en", "de")) -> SentencePair:
    return SentencePair(source, target, *languages)


@pytest.mark.parametrize(
    "source, target, reason",
    [
        ("", "Licht", "empty"),
        ("Light", " \t\n\u2028", "empty"),
        ("Zigbee", "Zigbee", "identical"),
        ("Zigbee  lamp", " ZIGBEE lamp", "identical"),
        ("STRASSE", "Straße", "identical"),
        ("a" * 51, "b" * 50, "too long"),
        ("a" * 50, "b" * 51, "too long"),
        ("Turn on the light in the kitchen, please", "Licht", "length ratio"),
        ("Light", "Schalte bitte das Licht in der Küche ein", "length ratio"),
        ("a" * 50, "b" * 50, None),
        ("On", "Eingeschaltet", None),
    ],
)
def test_what_is_left_out_and_why(source, target, reason):
    cleaner = PairCleaner(max_length=50)
    kept = cleaner(pair(source, target))
    assert (kept is None) == (reason is not None)
    assert dict(cleaner.counts["en", "de"]) == {"read": 1} | ({reason: 1} if reason else {})


def test_white_space_of_any_kind_becomes_one_space():
    assert PairCleaner()(pair(" a\t b\u00a0\n", "c\u2028d\x85e")) == pair("a b", "c d e")


def test_white_space_does_not_count_as_length():
    assert PairCleaner(max_length=5)(pair("a" + " " * 50 + "b", "cd")) == pair("a b", "cd")


def test_counts_are_kept_by_direction_and_add_up():
    cleaner = PairCleaner(max_length=30)
    texts = [("", "x"), ("x", "x"), ("a" * 31, "b"), ("a" * 30, "b"), ("one", "eins"), ("two", "zwei")]
    kept = [cleaner(pair(*own, languages)) for languages in (("en", "de"), ("de", "en")) for own in texts]
    assert set(cleaner.counts) == {("en", "de"), ("de", "en")}
    for counts in cleaner.counts.values():
        assert counts["read"] == 6
        assert counts["read"] - sum(n for what, n in counts.items() if what != "read") == 2
        assert all(counts[what] == 1 for what in ("empty", "identical", "too long", "length ratio"))
    assert sum(own is not None for own in kept) == 4


def test_a_terser_script_is_not_thrown_out():
    cleaner = PairCleaner(max_length_ratio=2.0)
    zh = [pair("Please turn on the light in the kitchen. " * 5, "请打开厨房里的灯。" * 5, ("en", "zh"))] * 500
    kept = [cleaner(own) is not None for own in zh]
    assert all(kept[50:])  # a ratio of 4.6, which is what these languages have
    assert cleaner(pair(zh[0].source, "请" * 200, ("en", "zh"))) is None  # as long as the English: far too long
    assert cleaner(pair("x" * 200, "y" * 45, ("en", "de"))) is None  # each pair of languages by itself


def test_the_limit_is_the_largest_ratio_that_passes():
    cleaner = PairCleaner(max_length_ratio=2.0)
    for _ in range(2000):
        assert cleaner(pair("a" * 50, "b" * 50))
    assert cleaner(pair("a" * 20, "b" * 49))
    assert cleaner(pair("a" * 20, "b" * 52)) is None


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match="`max_length` to be at least 1, but got 0"):
        PairCleaner(max_length=0)
    with pytest.raises(ValueError, match="`max_length_ratio` to be above 1, but got 1"):
        PairCleaner(max_length_ratio=1)

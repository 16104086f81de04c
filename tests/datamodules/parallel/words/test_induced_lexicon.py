"""Counts and shares by hand, spellings, thresholds, and the file."""

from __future__ import annotations

import pytest

from xltrobust.datamodules.parallel.words.induced_lexicon import InducedLexicon, LexiconEntry
from xltrobust.errors import UserError
from xltrobust.text.word_table import read_table

SOURCES = ["The light is on", "the Light", "light, THE light", "Light"]
TARGETS = ["Das Licht ist an", "das Licht", "leicht, das Licht", "Lampe"]
LINKS = [[(0, 0), (1, 1), (2, 2), (3, 3)], [(0, 0), (1, 1)], [(0, 0), (1, 1), (2, 2)], [(0, 0)]]
# Licht 3 times, leicht and Lampe once; the and das 3 times.
ENTRIES = [
    LexiconEntry("is", "ist", 1, 1.0, 1.0),
    LexiconEntry("light", "Licht", 3, 0.6, 1.0),
    LexiconEntry("light", "Lampe", 1, 0.2, 1.0),
    LexiconEntry("light", "leicht", 1, 0.2, 1.0),
    LexiconEntry("on", "an", 1, 1.0, 1.0),
    LexiconEntry("the", "das", 3, 1.0, 1.0),
]


def test_counts_and_shares_by_hand() -> None:
    lexicon = InducedLexicon.from_links(SOURCES, TARGETS, LINKS, min_count=1, min_probability=0)
    assert lexicon.entries == ENTRIES and len(lexicon) == 6
    assert lexicon.table() == {
        "is": ("ist",),
        "light": ("Licht", "Lampe", "leicht"),
        "on": ("an",),
        "the": ("das",),
    }


def test_thresholds_are_of_the_count_and_of_the_product_of_both_shares() -> None:
    # a-x: 2 of a's 4 links and of x's 5, 0.2; a-y: 2 of 4 and of 2, 0.5; b-x: 3 of 3 and of 5, 0.6.
    sources, targets = ["a a a a b b b"], ["x x y y x x x"]
    links = [[(n, n) for n in range(7)]]

    def pairs(**options) -> list[tuple[str, str]]:
        return [
            (own.source, own.target) for own in InducedLexicon.from_links(sources, targets, links, **options).entries
        ]

    assert pairs(min_probability=0.2) == [("a", "y"), ("a", "x"), ("b", "x")]
    assert pairs(min_probability=0.21) == [("a", "y"), ("b", "x")]
    assert pairs(min_probability=0.6) == [("b", "x")]
    assert pairs(min_count=3, min_probability=0) == [("b", "x")]
    kept = InducedLexicon.from_links(SOURCES, TARGETS, LINKS)
    assert [(own.source, own.target) for own in kept.entries] == [("light", "Licht"), ("the", "das")]


def test_backwards_is_what_the_other_direction_gives() -> None:
    turned = [sorted((j, i) for i, j in own) for own in LINKS]
    for options in ({"min_count": 1, "min_probability": 0}, {}):
        there = InducedLexicon.from_links(SOURCES, TARGETS, LINKS, **options)
        back = InducedLexicon.from_links(TARGETS, SOURCES, turned, **options)
        assert there.backwards().entries == back.entries
        assert there.backwards().backwards().entries == there.entries


@pytest.mark.parametrize(
    ("texts", "places", "spelling"),
    [
        (["Turn it on", "Turn it on", "please turn it"], [0, 0, 1], "turn"),
        (["Licht an", "das Licht", "das LICHT", "ein Licht"], [0, 1, 1, 1], "Licht"),
        (["Zigbee", "Zigbee"], [0, 0], "Zigbee"),
        (["the light", "THE light", "see THE light"], [0, 0, 1], "the"),
        (["a Word", "a word"], [1, 1], "word"),
        (["an iPhone", "IPHONE", "IPHONE"], [1, 0, 0], "iPhone"),
        (["e\u0301te\u0301", "\u00e9t\u00e9"], [0, 0], "\u00e9t\u00e9"),
    ],
)
def test_a_capital_at_the_start_of_a_sentence_is_none_of_the_word(texts, places, spelling: str) -> None:
    links = [[(place, 0)] for place in places]
    lexicon = InducedLexicon.from_links(texts, ["x"] * len(texts), links)
    assert [(own.source, own.count) for own in lexicon.entries] == [(spelling, len(texts))]


def test_nothing_linked_is_an_empty_lexicon(tmp_path) -> None:
    lexicon = InducedLexicon.from_links(["", "a"], ["b", ""], [[], []])
    assert lexicon.entries == [] and lexicon.table() == {}
    lexicon.write(tmp_path / "a.tsv")
    assert InducedLexicon.read(tmp_path / "a.tsv").entries == []


def test_what_is_written_is_read_again_also_as_a_table(tmp_path) -> None:
    path = tmp_path / "new" / "en-de.lexicon.tsv"
    lexicon = InducedLexicon(reversed(ENTRIES))
    lexicon.write(path)
    lines = path.read_text(encoding="utf8").split("\n")
    assert lines[:3] == [
        "source\ttarget\tcount\tp_target\tp_source",
        "is\tist\t1\t1.000000\t1.000000",
        "light\tLicht\t3\t0.600000\t1.000000",
    ]
    assert InducedLexicon.read(path).entries == ENTRIES
    assert read_table(str(path)) == lexicon.table()
    assert read_table(str(path))["light"] == ("Licht", "Lampe", "leicht")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\t1\t1\t1\n", r"a\.tsv:1: expected the header 'source\\ttarget.*induce it again"),
        (b"", r"a\.tsv:1: expected the header"),
        ("a\tb\t1\t1\n", r"a\.tsv:2: expected two words, a count and two shares, but got 'a\\tb\\t1\\t1'"),
        ("a\tb\t1\t1\t1\na\tb\tx\t1\t1\n", r"a\.tsv:3: expected two words"),
        ("a\tb\t-1\t1\t1\n", r"a\.tsv:2: expected two words"),
        ("a\tb\t1\tnan\t1\n", r"a\.tsv:2: expected two words"),
        ("a\tb\t1\t0.5\t1.5\n", r"a\.tsv:2: expected two words"),
        ("\tb\t1\t1\t1\n", r"a\.tsv:2: expected two words"),
        (b"\xff", r"a\.tsv: cannot be read .*induce the lexicon again"),
        (None, r"a\.tsv: cannot be read \(No such file or directory\)"),
    ],
)
def test_errors_are_one_line_that_names_the_row(tmp_path, content, message: str) -> None:
    path = tmp_path / "a.tsv"
    if content is not None:
        header = b"" if isinstance(content, bytes) else b"source\ttarget\tcount\tp_target\tp_source\n"
        path.write_bytes(header + (content if isinstance(content, bytes) else content.encode()))
    with pytest.raises(UserError, match=message) as caught:
        InducedLexicon.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_count": 0}, "Expected argument `min_count` to be at least 1, but got 0"),
        ({"min_probability": 1.5}, r"Expected argument `min_probability` to be in \[0, 1\], but got 1.5"),
    ],
)
def test_arguments_are_checked(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InducedLexicon.from_links(SOURCES, TARGETS, LINKS, **options)

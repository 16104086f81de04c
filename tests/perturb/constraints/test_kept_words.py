import random

import pytest
from perturb.sentences import SENTENCES

from xltrobust.example import Example
from xltrobust.perturb import Edit, KeepNames, KeepNumbers, KeepStopWords, TypoPerturbation


def kept(constraint, text, language="en"):
    """The words of which no typing error is allowed, and whether any other is refused."""
    example = Example("0", language, text, 0)
    edits = [Edit(at, at + 1, "") for at, character in enumerate(text) if character.isalpha()]
    refused = {edit.start for edit in edits if not constraint.allows(example, [edit])}
    return "".join(character if at in refused else " " for at, character in enumerate(text)).split()


@pytest.mark.parametrize(
    ("text", "edit", "allowed"),
    [
        ("at 7:30", Edit(3, 4, "8"), False),
        ("at 7:30", Edit(4, 5, "."), False),
        ("at 7:30", Edit(3, 7, ""), False),
        ("at 7:30", Edit(7, 7, "0"), False),
        ("at 7:30", Edit(0, 1, "4"), False),  # a number more
        ("at 7:30", Edit(0, 2, "ta"), True),
        ("at 7:30", Edit(7, 7, "!"), True),
        ("7 8", Edit(1, 2, ""), False),
        ("7 8", Edit(1, 2, "."), False),
        ("-5 °C", Edit(0, 1, ""), False),
        ("€5", Edit(0, 1, "$"), False),
        ("50% off", Edit(2, 3, ""), False),
        ("50% off", Edit(4, 7, "on"), True),
        ("ساعت ۷", Edit(5, 6, "۸"), False),
        ("ساعت ۷", Edit(0, 1, "ش"), True),
        ("晚上7点", Edit(2, 3, "8"), False),
        ("", Edit(0, 0, "a"), True),
        ("7", Edit(0, 1, ""), False),
        ("a", Edit(0, 1, ""), True),
    ],
)
def test_numbers_are_kept(text, edit, allowed):
    constraint = KeepNumbers()
    assert constraint.allows(Example("0", "en", text, 0), [edit]) is allowed


def test_an_edit_cannot_make_up_for_a_lost_number():
    example = Example("0", "en", "7 a", 0)
    assert not KeepNumbers().allows(example, [Edit(0, 1, ""), Edit(3, 3, "7")])
    together = [Edit(1, 1, "x"), Edit(2, 3, "b")]
    assert KeepNumbers().allows(example, together)


@pytest.mark.parametrize("language", SENTENCES)
def test_typing_errors_change_no_number(language):
    example, constraint = Example("0", language, SENTENCES[language], 0), KeepNumbers()
    assert all(constraint.allows(example, [e]) for e in TypoPerturbation().candidates(example, random.Random(0)))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ask Anna or Bob.", ["Anna", "Bob"]),
        ("Hello. Anna came! Ok? Bob too: Eve", ["Eve"]),  # a name that starts a sentence is missed
        ('He said "Go" and (Anna) left. "Well."', ["Go", "Anna"]),
        ("¿Está Ana? ¡Sí! «Oui» NATO", ["Ana", "NATO"]),
        ("позвони Анне. Маша", ["Анне"]),
        ("κάλεσε την Άννα", ["Άννα"]),
        ("İstanbul'u ara, İzmir", ["İzmir"]),
        ("a.Bob", ["Bob"]),
        ("我叫王明。在北京", []),
        ("my iPhone", []),
        ("", []),
        ("A", []),
    ],
)
def test_names_are_kept(text, names):
    assert kept(KeepNames(), text) == names


def test_names_are_kept_from_growing_and_on_both_sides():
    pair = Example("0", "en", "ask Bob", 0, text_pair="is Bob in")
    for side, end in (("text", 7), ("text_pair", 6)):
        assert not KeepNames().allows(pair, [Edit(end, end, "s", side)])
        assert KeepNames().allows(pair, [Edit(end, end, "?", side)])


def test_stop_words_are_kept_whatever_their_case_and_form():
    keep = KeepStopWords(words=["the", "café", "don't"])
    assert kept(keep, "The cafe\u0301 THE then; Don't do") == ["The", "cafe", "THE", "Don", "t"]


def test_stop_words_by_language(tmp_path):
    path = tmp_path / "de.txt"
    path.write_text("die\nund\n", encoding="utf8")
    options = {"words": {"en": ["the"], "zho_Hans": ["x"]}, "files": {"de": str(path)}}
    for language, expected in (("en-GB", ["the"]), ("de-CH", ["die", "und"]), ("deu", ["die", "und"]), ("zh", ["x"])):
        assert kept(KeepStopWords(**options), "the die und x", language) == expected
    assert kept(KeepStopWords(**options), "the die und x", "fr") == []
    pair = Example("0", ("en", "de"), "die the", 0, text_pair="die the")
    keep = KeepStopWords(**options)
    edits = [Edit(at, at + 1, "", side) for side in ("text", "text_pair") for at in (0, 4)]
    assert [keep.allows(pair, [edit]) for edit in edits] == [True, False, False, True]


@pytest.mark.parametrize("options", [{}, {"words": []}, {"words": {}}, {"words": None, "files": {}}])
def test_no_stop_words_are_refused(options):
    with pytest.raises(ValueError, match="Expected argument `words` or `files`"):
        KeepStopWords(**options)

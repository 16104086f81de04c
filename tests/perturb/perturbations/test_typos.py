import random
import unicodedata
from collections import Counter

import pytest
import regex
from perturb.sentences import SENTENCES, WITHOUT_KEYBOARD

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb.edits import apply_edits
from xltrobust.perturb.perturbations.typos import TypoPerturbation, mistyped
from xltrobust.text.words import split_words

OPERATIONS = ("swap", "delete", "insert", "keyboard")
FAMILY = "👩\u200d👩\u200d👧"


def visible(text):
    return " ".join(unicodedata.normalize("NFKC", text).split())


def clusters(text):
    return regex.findall(r"\X", text)


def not_letters(text):
    return [cluster for cluster in clusters(text) if not cluster[0].isalpha()]


def perturbed(text, operations, *, language="en", seeds=1, **options):
    example, perturbation = Example("0", language, text, 0), TypoPerturbation(operations=operations, **options)
    for seed in range(seeds):
        for edit in perturbation.candidates(example, random.Random(seed)):
            yield apply_edits(example, [edit]).text


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("language", SENTENCES)
def test_every_operation_does_what_it_says_to_real_sentences(language, form):
    text = unicodedata.normalize(form, SENTENCES[language])
    before = clusters(text)
    for operation in OPERATIONS:
        results = list(perturbed(text, (operation,), language=language, seeds=3))
        if operation == "keyboard" and language in WITHOUT_KEYBOARD:
            assert results == []
            continue
        assert len(results) > 20, operation
        for result in results:
            after = clusters(result)
            assert visible(result) != visible(text)
            assert result.encode("utf8") and unicodedata.category(result[0])[0] != "M"
            assert not_letters(result) == not_letters(text)  # digits, punctuation and spaces, emoji and all, in order
            typed = {other for cluster in before for other in mistyped(language, cluster)}
            if operation == "swap":
                assert sorted(after) == sorted(before)
                changed = [at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
                assert len(changed) == 2 and changed[1] == changed[0] + 1
            elif operation == "delete":
                assert len(after) == len(before) - 1
                assert any(before[:at] + before[at + 1 :] == after for at in range(len(before)))
            elif operation == "insert":
                place = next(at for at in range(len(after)) if after[:at] + after[at + 1 :] == before)
                assert after[place] in typed | set(before)
            else:
                ((old, new),) = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
                assert new in mistyped(language, old)


@pytest.mark.parametrize("language", SENTENCES)
def test_sample_draws_from_the_same_edits_and_reaches_every_operation(language):
    text = SENTENCES[language]
    example, perturbation = Example("0", language, text, 0), TypoPerturbation()
    listed = {edit for seed in range(60) for edit in perturbation.candidates(example, random.Random(seed))}
    rng = random.Random(1)
    drawn = [perturbation.sample(example, rng) for _ in range(400)]
    assert None not in drawn
    assert sum(edit in listed for edit in drawn) > 380  # the rest: characters to insert that no listing chose
    lengths = [len(clusters(apply_edits(example, [edit]).text)) - len(clusters(text)) for edit in drawn]
    possible = 3 if language in WITHOUT_KEYBOARD else 4
    for change in (-1, 1):
        assert 0.5 / possible < lengths.count(change) / 400 < 2 / possible
    same = [edit for edit, change in zip(drawn, lengths, strict=True) if change == 0]
    swapped = {edit for edit in same if len(clusters(edit.replacement)) == 2}
    assert swapped and (len(set(same) - swapped) > 0) == (language not in WITHOUT_KEYBOARD)


@pytest.mark.parametrize(
    "text", ["", " ", "a", "我", "a b c", FAMILY, f"{FAMILY} 🇩🇪👍🏽", "123", "19:30 7", "!!! ...", "\u0301", "١٢٣"]
)
def test_texts_without_words_have_no_candidates(text):
    for language in ("en", "zh", "ar"):
        example, perturbation = Example("0", language, text, 0), TypoPerturbation()
        assert perturbation.candidates(example, random.Random(0)) == []
        assert perturbation.sample(example, random.Random(0)) is None


@pytest.mark.parametrize(
    ("text", "operation", "expected"),
    [
        ("abc", "swap", {"bac", "acb"}),
        ("abb", "swap", {"bab"}),
        ("abc", "delete", {"bc", "ac", "ab"}),
        ("क्षमा", "swap", {"माक्ष"}),
        ("e\u0301a", "swap", {"ae\u0301"}),
        ("aａ", "swap", set()),  # equal once normalised
        ("aa", "swap", set()),
        ("वाक्", "swap", set()),  # the two would fuse into a conjunct
        ("\u094daक", "delete", {"\u094da"}),  # nor with what precedes the word
        ("ς\u094daမ", "delete", {"aမ"}),  # or follows it, in another script
        ("B2B", "delete", set()),
        (f"hi{FAMILY}yo", "swap", {f"ih{FAMILY}yo", f"hi{FAMILY}oy"}),
        ("\ud800ab", "swap", {"\ud800ba"}),  # a broken text is not made worse
        ("안녕", "swap", {"녕안"}),
        ("ขำ", "delete", set()),  # one cluster
        ("ขำขัน", "swap", {"ขัขำน", "ขำนขั"}),
    ],
)
def test_candidates_by_hand(text, operation, expected):
    assert set(perturbed(text, (operation,))) == expected


def test_insertions_double_the_letter_or_graze_a_key_or_take_a_letter_of_the_text():
    assert set(perturbed("qa", ("insert",), seeds=200)) == {
        *("qqa", "qaa"),
        *("wqa", "qwa", "aqa"),  # around q: w and a
        *("qza", "qsa", "qaz", "qas", "qaw", "qaq"),  # around a: q, w, s and z
    }
    assert set(perturbed("我你", ("insert",), language="zh", seeds=100)) == {"我我你", "我你你", "你我你", "我你我"}
    mixed = set(perturbed("ab 我你 Cd", ("insert",), language="zh", seeds=100))
    assert {"bab 我你 Cd", "dab 我你 Cd"} <= mixed  # of its own script
    assert not {"a我你", "我a你", "我你a"} & {text.split()[1] for text in mixed}
    assert "Cab 我你 Cd" not in mixed  # and case


def test_minimum_length_counts_clusters():
    assert set(perturbed("क्षमा abcd", ("delete",), min_word_length=3)) == {
        f"क्षमा {word}" for word in ("bcd", "acd", "abd", "abc")
    }


def test_only_unlocked_sides_change():
    example = Example("0", "en", "first text", 0, text_pair="second text")
    for sides in (("text",), ("text_pair",), ("text", "text_pair")):
        perturbation, rng = TypoPerturbation(sides=sides), random.Random(0)
        assert {edit.side for edit in perturbation.candidates(example, rng)} == set(sides)
        drawn = {(edit.side, edit.start) for edit in (perturbation.sample(example, rng) for _ in range(400))}
        assert {side for side, _ in drawn} == set(sides)
        for side in sides:  # everywhere but at the space
            places = {at for at, character in enumerate(getattr(example, side)) if character != " "}
            assert places <= {start for drawn_side, start in drawn if drawn_side == side}
    lone = Example("0", "en", "first text", 0)
    assert TypoPerturbation(sides=("text_pair",)).candidates(lone, random.Random(0)) == []


def test_each_side_is_typed_on_the_keyboard_of_its_language():
    example, rng = Example("0", ("en", "de"), "zz", 0, text_pair="zz"), random.Random(0)
    perturbation = TypoPerturbation(operations=("keyboard",))
    typed = {(edit.side, edit.replacement) for _ in range(100) for edit in perturbation.candidates(example, rng)}
    assert typed == {("text", c) for c in "asx"} | {("text_pair", c) for c in "tugh"}


def test_a_language_may_be_typed_on_the_keyboard_of_another():
    (edit,) = TypoPerturbation(operations=("delete",)).candidates(Example("0", "jv", "ab", 0), random.Random(0))[:1]
    assert edit.replacement == ""
    keyboard = TypoPerturbation(operations=("keyboard",), keyboards={"jav": "de", "zh": "en"})
    for language, expected in (("jv", "tugh"), ("jv-ID", "tugh"), ("zh-CN", "asx"), ("en", "asx")):
        edits = keyboard.candidates(Example("0", language, "zz", 0), random.Random(0))
        assert {edit.replacement for edit in edits} == set(expected)


def test_languages_without_a_layout_are_named():
    languages = ["en", "jv", "zh-CN", "bbc"]
    for operations in (("swap", "keyboard"), ("insert",)):
        said = TypoPerturbation(operations=operations).caveat(languages)
        assert "no keyboard layout for jv, zh-CN, bbc:" in said and "\n" not in said
    assert "layout for zh-CN:" in TypoPerturbation(keyboards={"jv": "id", "bbc": "id"}).caveat(languages)
    assert TypoPerturbation(operations=("swap", "delete")).caveat(languages) == ""
    assert TypoPerturbation().caveat(["en", "de-CH", "pes_Arab"]) == TypoPerturbation().caveat([]) == ""


def test_keyboard_errors_alone_cannot_change_a_language_without_a_layout():
    alone = TypoPerturbation(operations=("keyboard",))
    assert alone.changes("de") and not alone.changes("jv") and alone.changes(("en", "jv"))
    with pytest.raises(UserError, match="cannot change jv: it has no keyboard layout; use another operation instead"):
        alone.require("jv")
    assert TypoPerturbation().changes("jv")
    assert TypoPerturbation(operations=("keyboard",), keyboards={"jv": "id"}).changes("jv")


@pytest.mark.parametrize(
    ("keyboards", "words"),
    [
        ({"javanese": "id"}, "`keyboards` to name languages by codes .* 'javanese'"),
        ({"jv": "indonesian"}, "`keyboards` to name languages by codes .* 'indonesian'"),
        ({"zh": "ja"}, r"`keyboards` to name languages with a layout \(acm, .*\), but got 'ja'"),
    ],
)
def test_keyboards_are_checked(keyboards, words):
    with pytest.raises(ValueError, match=words):
        TypoPerturbation(keyboards=keyboards)


def test_without_keyboards_the_description_is_that_of_earlier_versions():
    default = {
        "class": "TypoPerturbation", "operations": ["swap", "delete", "insert", "keyboard"],
        "sides": ["text", "text_pair"], "min_word_length": 2,
    }  # fmt: skip
    assert TypoPerturbation().described() == TypoPerturbation(keyboards={}).described() == default
    assert TypoPerturbation(keyboards={"jv": "id"}).described() == default | {"keyboards": {"jv": "id"}}


def test_randomness_comes_from_rng_alone():
    example, perturbation = Example("0", "de", SENTENCES["de-CH"], 0), TypoPerturbation()
    lists = [perturbation.candidates(example, random.Random(seed)) for seed in (5, 5, 6)]
    assert lists[0] == lists[1] == lists[2]  # all there are
    drawn = [[perturbation.sample(example, rng) for _ in range(20)] for rng in map(random.Random, (5, 5, 6))]
    assert drawn[0] == drawn[1] != drawn[2]


def test_sample_finds_the_only_edit_of_a_long_text():
    text = "aa " * 500 + "ab"
    edit = TypoPerturbation(operations=("swap",)).sample(Example("0", "en", text, 0), random.Random(0))
    assert (edit.start, edit.end, edit.replacement) == (1500, 1502, "ba")


@pytest.mark.parametrize(
    ("argument", "value"),
    [("operations", ()), ("operations", ("typo",)), ("operations", "swap"), ("sides", ("both",)), ("sides", ())]
    + [("min_word_length", value) for value in (1, 0, 2.5)],
)
def test_wrong_arguments_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"Expected argument `{argument}` to be .*, but got"):
        TypoPerturbation(**{argument: value})


def test_text_soup_of_what_joins_and_fuses_gets_no_no_op_and_no_new_clusters():
    soup = list("abAB ßéＡａﬁ 12,.'กเคㅋㅏ한مل我ーあİıς\n") + ["ำ", "ั", "ै", "क", "्", "ष", "👩", "👧", "🏽", "🇩"]
    soup += list("\u0301\u200d\u200c\u00ad\u1100\u1161\u11a8\ufe0f\u064b\u0600\u0d4e\ud800")
    rng, perturbation, seen = random.Random(0), TypoPerturbation(), 0
    for _ in range(2000):
        text = "".join(rng.choices(soup, k=rng.randrange(1, 9)))
        example = Example("0", rng.choice(["en", "ko", "th", "hi", "zh", "ar", "tr", "el"]), text, 0)
        candidates = perturbation.candidates(example, rng)
        assert (perturbation.sample(example, rng) is None) == (not candidates)
        for edit in candidates:
            result = apply_edits(example, [edit]).text
            before, after = Counter(clusters(text)), Counter(clusters(result))
            assert visible(result) != visible(text)
            assert ((before - after) + (after - before)).total() <= 2, (text, result)
            seen += 1
    assert seen > 3000


def test_the_first_character_of_each_word_can_be_kept():
    for language, text in SENTENCES.items():
        example = Example("0", language, text, 0)
        edits = TypoPerturbation(keep_first=True).candidates(example, random.Random(0))
        everything = TypoPerturbation().candidates(example, random.Random(0))
        starts = {word.bounds[0] for word in split_words(text)}
        assert edits and set(edits) < set(everything)
        assert not starts & {edit.start for edit in edits}
    assert (
        "keep_first" not in TypoPerturbation().described()
        and TypoPerturbation(keep_first=True).described()["keep_first"]
    )

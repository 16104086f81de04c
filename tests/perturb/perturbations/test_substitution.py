import pickle
import random
import unicodedata
from collections import Counter

import pytest
from perturb.by_hand import results
from perturb.sentences import HARDER, ODD, SENTENCES

from xltrobust.example import Example
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.perturbations.substitution import WordSubstitution, match_case
from xltrobust.text.clusters import cluster_bounds
from xltrobust.text.word_table import WordTable
from xltrobust.text.words import normalize


class Substituting(WordSubstitution):
    """Looks words up in one table for all languages."""

    def __init__(self, table, **options):
        super().__init__(**options)
        self.table = WordTable(table.items(), multiword=True)
        self.asked = []

    def replacements(self, word, language):
        self.asked.append(word)
        return self.table.lookup(word)


class Anything(WordSubstitution):
    """Puts words of several scripts for every word; some are no words, or change nothing."""

    def replacements(self, word, language):
        return ["other", "Ünal", "أخرى", "另外", "อื่น", "क्या", "é", "e\u0301", "\u0301", "-en", "i/", "", word, "👍🏽"]

    def supports(self, language):
        return language != "xx"


@pytest.mark.parametrize(
    ("language", "text", "table", "expected"),
    [
        ("en", "Film, film FILM", {"film": ["movie"]}, ["Movie, film FILM", "Film, movie FILM", "Film, film MOVIE"]),
        ("en", "a phone I I", {"phone": ["iPhone"], "I": ["me"]}, ["a iPhone I I", "a phone Me I", "a phone I Me"]),
        (
            "de",
            "Das Haus HAUS",
            {"Haus": ["Heim", "gebäude"]},
            ["Heim HAUS", "Gebäude HAUS", "Haus HEIM", "Haus GEBÄUDE"],
        ),
        ("de", "die Bank", {"Bank": ["Ufer"], "bank": ["x"]}, ["die Ufer"]),
        ("el", "Άναψε ΤΟ", {"άναψε": ["άνοιξε"], "το": ["ένα"]}, ["Άνοιξε ΤΟ", "Άναψε ΈΝΑ"]),
        ("tr", "Iyi İYİ Işık", {"iyi": ["iri"], "ışık": ["ispat"]}, ["İri İYİ Işık", "Iyi İRİ Işık", "Iyi İYİ İspat"]),
        ("hi", "घर का, क्षमा", {"घर": ["मकान"], "क्षमा": ["माफ़ी"]}, ["मकान का, क्षमा", "घर का, माफ़ी"]),
        ("ar", "في البيت.", {"البيت": ["المنزل"]}, ["في المنزل."]),
        ("fa", "می\u200cکنید؟", {"می\u200cکنید": ["کنید"], "می": ["x"]}, ["کنید؟"]),
        ("th", "ปิดไฟในบ้าน", {"ไฟ": ["หลอด"], "บ้าน": ["เรือน"]}, ["ปิดหลอดในบ้าน", "ปิดไฟในเรือน"]),
        ("zh", "七点关掉它。", {"关掉": ["关上"], "它": ["他"], "关": ["x"]}, ["七点关上它。", "七点关掉他。"]),
        ("ja", "電気をつけて", {"電気": ["電灯"]}, ["電灯をつけて"]),
        ("en", "e\u0301te\u0301!", {"été": ["hiver"]}, ["hiver!"]),
        (
            "en",
            "off 👩\u200d👩\u200d👧off",
            {"off": ["out"]},
            ["out 👩\u200d👩\u200d👧off", "off 👩\u200d👩\u200d👧out"],
        ),
    ],
)
def test_results_by_hand(language, text, table, expected):
    edits = Substituting(table).candidates(Example("0", language, text, 0), random.Random(0))
    found = [apply_edits(Example("0", language, text, 0), [edit]).text for edit in edits]
    assert [
        unicodedata.normalize("NFC", own)[-len(want) :] for own, want in zip(found, expected, strict=True)
    ] == expected


@pytest.mark.parametrize(
    ("language", "text", "looked_up"),
    [
        ("en", "I don't 'can't' now.", ["I", "don't", "can't", "now"]),
        ("en", "(the dog's well-known)", ["the", "dog's", "dog", "well-known", "well", "known"]),
        ("en", "we're e.g. at a@b.org at 7pm B2B", ["we're", "e.g", "at", "a@b.org", "at", "7pm", "B2B"]),
        ("fr", "J'ai l’eau, rendez-vous !", ["J'ai", "ai", "l’eau", "eau", "rendez-vous", "rendez", "vous"]),
        ("uk", "сім'я", ["сім'я"]),
        ("ca", "col·legi", ["col·legi"]),
        ("zh", "7点关掉它。", ["点", "关掉", "它"]),
        ("ko", "7시에 불을", ["7시에", "불을"]),
    ],
)
def test_fragments_are_not_looked_up(language, text, looked_up):
    perturbation = Substituting({})
    perturbation.candidates(Example("0", language, text, 0), random.Random(0))
    assert perturbation.asked == looked_up


def test_the_parts_of_a_replaced_whole_are_left_alone():
    table = {"rendez-vous": ["date"], "vous": ["tu"], "don't": ["won't"], "don": ["wear"]}
    assert results(Substituting(table), "Rendez-vous, vous don't -vous", "fr") == {
        "Date, vous don't -vous",
        "Rendez-vous, tu don't -vous",
        "Rendez-vous, vous won't -vous",
        "Rendez-vous, vous don't -tu",
    }


def test_words_without_spaces_give_way_to_words_with_spaces_around():
    table = {"我": ["I"], "喜欢": ["like", "爱"], "点": ["o'clock"], "iPhone": ["phone"], "cat": ["猫"]}
    perturbation, text = Substituting(table), "我喜欢iPhone, 7点cat"
    assert results(perturbation, text, "zh") == {
        "I喜欢iPhone, 7点cat",
        "我 like iPhone, 7点cat",
        "我爱iPhone, 7点cat",
        "我喜欢phone, 7点cat",
        "我喜欢iPhone, 7 o'clock cat",
        "我喜欢iPhone, 7点猫",
    }
    example = Example("0", "zh", text, 0)
    edits = {
        edit.start: edit for edit in perturbation.candidates(example, random.Random(0)) if edit.replacement != "爱"
    }
    assert apply_edits(example, list(edits.values())).text == "I like phone, 7 o'clock 猫"


@pytest.mark.parametrize("language", [*SENTENCES, *HARDER])
def test_edits_of_hard_sentences_are_sound(language):
    text = (SENTENCES | HARDER)[language]
    example, (own, bounds) = Example("0", language, text, 0), cluster_bounds(text)
    edits = Anything().candidates(example, random.Random(0))
    assert edits == sorted(edits, key=lambda edit: edit.start)
    assert len({(edit.start, edit.end) for edit in edits}) > 4 and len(edits) == len(set(edits))
    for edit in edits:
        assert edit.replacement.strip().lower() not in ("\u0301", "-en", "i/", "", "👍🏽")
        changed = apply_edits(example, [edit]).text
        assert normalize(changed) != normalize(text)
        clusters = cluster_bounds(changed).clusters
        before, after = bounds.index(edit.start), len(bounds) - 1 - bounds.index(edit.end)
        assert clusters[:before] == own[:before] and clusters[len(clusters) - after :] == own[len(own) - after :]


@pytest.mark.parametrize("text", ODD)
def test_odd_texts(text):
    perturbation = Anything()
    for example in (Example("0", "en", text, 0), Example("0", "en", text, 0, text_pair=text)):
        edits = perturbation.candidates(example, random.Random(0))
        assert bool(edits) == any(perturbation.sample(example, random.Random(seed)) for seed in range(3))
        assert all(apply_edits(example, [edit]) != example for edit in edits)


def test_both_sides_each_in_its_language():
    table = {"b": ["c"]}
    example = Example("0", ("en", "xx"), "b", 0, text_pair="b")
    first, second = Edit(0, 1, "c"), Edit(0, 1, "c", "text_pair")
    assert Substituting(table).candidates(example, random.Random(0)) == [first, second]
    assert Substituting(table, sides=["text_pair"]).candidates(example, random.Random(0)) == [second]
    assert {edit.side for edit in Anything().candidates(example, random.Random(0))} == {"text"}
    with pytest.raises(ValueError, match="Expected argument `sides`"):
        Substituting(table, sides=[])


def test_sampling_is_uniform_over_words_and_repeatable():
    perturbation = Substituting({"a": ["x"], "b": ["x", "y", "z", "b"]})
    example = Example("0", "en", "a none b", 0, text_pair="b")
    rng = random.Random(0)
    counts = Counter(perturbation.sample(example, rng) for _ in range(9000))
    assert len(counts) == 7 and set(counts) == set(perturbation.candidates(example, rng))
    for edit, count in counts.items():
        assert count == pytest.approx(
            3000 if edit.end == 1 and edit.start == 0 and edit.side == "text" else 1000, rel=0.1
        )
    draws = [[perturbation.sample(example, rng) for _ in range(20)] for rng in (random.Random(1), random.Random(1))]
    assert draws[0] == draws[1]
    assert perturbation.sample(Example("0", "en", "none", 0), rng) is None


def test_texts_are_analysed_once_and_copies_agree():
    perturbation, example = Substituting({"b": ["c"]}), Example("0", "en", "a b", 0)
    first = perturbation.candidates(example, random.Random(0))
    asked = len(perturbation.asked)
    assert perturbation.candidates(example, random.Random(1)) == first and len(perturbation.asked) == asked
    copy = pickle.loads(pickle.dumps(perturbation))
    assert copy.candidates(example, random.Random(0)) == first and len(copy.asked) == 2 * asked
    for number in range(1100):  # more texts than are remembered
        assert len(perturbation.candidates(Example("0", "en", f"b {number}", 0), random.Random(0))) == 1


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [("ss", "ß", "ss"), ("ßa", "Ab", "Ssa"), ("ǆep", "Ab", "ǅep"), ("ძაღლი", "DOG", "ძაღლი"), ("猫", "CAT", "猫"),
     ("b", "A", "B"), ("bc", "McX", "bc"), ("bc", "ǅep", "Bc"), ("bc", "É", "Bc"), ("bc", "ⅷ", "bc")],
)  # fmt: skip
def test_odd_capitals(new, old, expected):
    assert match_case(new, old) == expected

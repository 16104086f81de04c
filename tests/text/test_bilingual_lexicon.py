"""What is found by which route, the shuffled control, and code-mixing with a lexicon."""

import pickle
import unicodedata

import pytest
from perturb.by_hand import results

from xltrobust.errors import UserError
from xltrobust.perturb.perturbations.code_mixing import CodeMixing
from xltrobust.text.bilingual_lexicon import BilingualLexicon, strip_diacritics
from xltrobust.text.word_table import WordTable

GERMAN = {"Licht": ["light"], "lichten": ["clear"], "Haus": ["house"], "schön": ["nice"], "Polin": ["Pole"]}
FRENCH = {"fenêtre": ["window"], "péché": ["sin"], "cote": ["rating"], "côte": ["coast"], "été": ["summer"]}
RUSSIAN = {"ёлка": ["fir"], "мои": ["mine"], "собака": ["dog"], "замок": ["castle"]}
ENGLISH = {"window": ["Fenster"], "light": ["Licht"], "turn": ["drehen"], "Turkey": ["Türkei"], "turkey": ["Truthahn"]}


def lexicon(words, language, target=None, **options):
    table, target = WordTable(words.items()), target or ("de" if language == "en" else "en")
    return BilingualLexicon.from_table(table, source_language=language, target_language=target, **options)


@pytest.mark.parametrize(
    ("words", "language", "word", "route", "translations"),
    [
        (GERMAN, "de", "Licht", "exact", ("light",)),
        (GERMAN, "deu_Latn", "LICHT", "case", ("light",)),
        (GERMAN, "de", "Lichter", "inflection", ("light",)),
        (GERMAN, "de", "lichtet", "inflection", ("light",)),
        (GERMAN, "de", "Häuser", "inflection", ("house",)),
        (GERMAN, "de", "HÄUSERN", "inflection", ("house",)),
        (GERMAN, "de", "schon", "diacritics", ("nice",)),
        (GERMAN, "de", "Baum", None, ()),
        (GERMAN, "de", "", None, ()),
        (ENGLISH, "en", "WINDOW", "case", ("Fenster",)),
        (ENGLISH, "en", "windows", "inflection", ("Fenster",)),
        (ENGLISH, "en", "Turning", "inflection", ("drehen",)),
        (ENGLISH, "en", "Turkey", "exact", ("Türkei",)),
        (ENGLISH, "en", "TURKEY", "case", ("Türkei", "Truthahn")),
        (FRENCH, "fr", "fenetre", "diacritics", ("window",)),
        (FRENCH, "fr", "FENETRE", "diacritics", ("window",)),
        (FRENCH, "fr", "fene\u0302tre", "exact", ("window",)),
        (FRENCH, "fr", "fenêtres", "inflection", ("window",)),
        (FRENCH, "fr", "cóte", "diacritics", ("rating",)),
        (FRENCH, "fr", "pêche", None, ()),
        (FRENCH, "fr", "Ete", "diacritics", ("summer",)),
        (RUSSIAN, "ru", "елка", "diacritics", ("fir",)),
        (RUSSIAN, "ru", "соба\u0301ка", "diacritics", ("dog",)),
        (RUSSIAN, "ru", "собаки", "inflection", ("dog",)),
        (RUSSIAN, "ru", "мой", None, ()),
        ({"كَلْب": ["dog"]}, "ar", "كلب", "diacritics", ("dog",)),
        ({"猫": ["cat"]}, "zh-CN", "猫", "exact", ("cat",)),
        ({"猫": ["cat"]}, "zh-CN", "狗", None, ()),
    ],
)
def test_routes(words, language, word, route, translations):
    dictionary = lexicon(words, language)
    assert dictionary.found(word) == (route, translations)
    assert dictionary.lookup(word) == translations


def test_of_words_with_one_stem_the_nearest_counts():
    words = {"universität": ["university"], "licht": ["light"], "lichte": ["clear"]}
    dictionary = lexicon(words, "de")
    assert dictionary.found("lichten") == ("inflection", ("clear",))
    assert dictionary.found("lichts") == ("inflection", ("light",))
    twins = {"Licht": ["light"], "licht": ["sparse"]}
    assert lexicon(twins, "de").found("lichtes") == ("inflection", ("light", "sparse"))


def test_stems_are_an_option_and_not_of_every_language():
    assert lexicon(GERMAN, "de", inflection=False).found("Lichter") == (None, ())
    assert lexicon({"nyumba": ["house"]}, "sw").found("nyumbani") == (None, ())
    assert lexicon({"be": ["sein"]}, "en", "de").found("bes") == (None, ())  # two letters are too few


@pytest.mark.parametrize(
    ("word", "bare"),
    [
        ("Crème", "Creme"), ("naïveté", "naivete"), ("ñandú", "nandu"), ("łódź", "łodz"), ("ẽ̀", "e"),
        ("άνθρωπος", "ανθρωπος"), ("й", "й"), ("Україна", "Україна"), ("ё", "е"), ("Ёлка", "Елка"), 
        ("за\u0301мок", "замок"),
        ("ќе", "ќе"), ("שָׁלוֹם", "שלום"), ("がく", "がく"), ("क़लम", "क़लम"), ("ไม้", "ไม้"), ("한국", "한국"),
    ],
)  # fmt: skip
def test_marks_that_make_another_letter_stay(word, bare):
    assert strip_diacritics(word) == unicodedata.normalize("NFC", bare)
    assert strip_diacritics(unicodedata.normalize("NFD", word)) == unicodedata.normalize("NFC", bare)


def test_coverage_by_routes():
    dictionary = lexicon(GERMAN, "de")
    found = dictionary.coverage(["Licht, Licht: LICHT!", "Schon wieder Lichter?", ""])
    assert (found["words"], found["distinct_words"]) == (6, 5)
    assert found["running"] == pytest.approx(
        {"exact": 2 / 6, "case": 1 / 6, "diacritics": 1 / 6, "inflection": 1 / 6, "all": 5 / 6}
    )
    assert found["distinct"] == pytest.approx(
        {"exact": 1 / 5, "case": 1 / 5, "diacritics": 1 / 5, "inflection": 1 / 5, "all": 4 / 5}
    )
    assert dictionary.coverage([])["running"]["all"] == 0


def test_a_shuffled_lexicon_has_the_same_words_and_no_translation_of_theirs():
    words = {f"wort{n}": [f"word{n}", f"word{n + 1}"][: 1 + n % 2] for n in range(40)}
    true = lexicon(words, "de")
    draws = [lexicon(words, "de", shuffled=True, seed=seed) for seed in range(20)]
    for draw in draws:
        assert list(draw) == list(true)
        assert sorted(draw.values()) == sorted(true.values())
        assert not any(set(draw[word]) & set(true[word]) for word in words)
    assert len({tuple(draw.values()) for draw in draws}) == 20
    assert draws[3] == lexicon(words, "de", shuffled=True, seed=3)
    assert draws[3].found("WORT7") == ("case", draws[3]["wort7"])


def test_the_shuffle_shuns_equal_translations_and_the_word_itself():
    words = {
        "gehen": ["go"],
        "laufen": ["Go"],
        "Hotel": ["inn"],
        "Gasthof": ["hotel"],
        "rot": ["red"],
        "blau": ["blue"],
    }
    for seed in range(50):
        dictionary = lexicon(words, "de", shuffled=True, seed=seed)
        assert "go" not in {*map(str.lower, dictionary["gehen"] + dictionary["laufen"])}
        assert dictionary["Hotel"] not in (("inn",), ("hotel",))


def test_too_few_words_to_shuffle_are_one_line(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("gehen\tgo\nlaufen\tgo\n")
    message = r"a\.tsv: too few words with different translations to shuffle; use a larger lexicon\."
    with pytest.raises(UserError, match=message):
        BilingualLexicon(source_language="de", target_language="en", path=str(path), shuffled=True)


def test_a_file_is_read_and_left_as_it_is_for_others(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("Licht light\nHaus house\nBaum tree\n", encoding="utf8")
    options = {"source_language": "de", "target_language": "en", "path": str(path)}
    assert BilingualLexicon(**options, shuffled=True) != BilingualLexicon(**options)
    assert BilingualLexicon(**options) == {"Licht": ("light",), "Haus": ("house",), "Baum": ("tree",)}
    assert BilingualLexicon(**options).lookup("Lichter") == ("light",)
    with pytest.raises(UserError, match=r"gone\.txt: No such file"):
        BilingualLexicon(**options | {"path": str(tmp_path / "gone.txt")})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "deu"}, "Expected argument `target_language` to differ from 'de', but got 'deu'"),
        ({"target": "not a code"}, "Expected a language code"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        lexicon(GERMAN, "de", **options)


@pytest.mark.parametrize("shuffled", [False, True])
def test_the_same_after_pickling(shuffled):
    dictionary = lexicon(GERMAN, "de", shuffled=shuffled)
    for used in (False, True):
        copy = pickle.loads(pickle.dumps(dictionary))
        assert type(copy) is BilingualLexicon and copy == dictionary
        for word in ("Licht", "LICHT", "Lichter", "schon", "Baum"):
            assert copy.found(word) == dictionary.found(word), used


def test_code_mixing_takes_a_lexicon_as_it_takes_a_file(tmp_path):
    mixing = CodeMixing(lexicons={"de-en": lexicon(GERMAN, "de")})
    assert results(mixing, "Zwei Lichter im HAUS", "de") == {"Zwei Light im HAUS", "Zwei Lichter im HOUSE"}
    assert results(mixing, "a light", "en") == {"a Licht"}
    path = tmp_path / "en-fr.txt"
    path.write_text("light lumière\n", encoding="utf8")
    both = pickle.loads(
        pickle.dumps(CodeMixing(lexicons={"de-en": lexicon(GERMAN, "de"), "en-fr": str(path)}, pivot="en"))
    )
    assert results(both, "Lichter", "de") == {"Light", "Lumière"}
    plain = CodeMixing(lexicons={"de-en": lexicon(GERMAN, "de", inflection=False)})
    assert results(plain, "Zwei Lichter im HAUS", "de") == {"Zwei Lichter im HOUSE"}

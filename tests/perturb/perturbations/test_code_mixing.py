import pickle
import random

import pytest
from perturb.by_hand import results

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.perturbations.code_mixing import CodeMixing, direction

LEXICONS = {
    "en-de": "dog Hund\ndog Köter\nlight Licht\nlight leicht\nberlin Berlin\nlike mögen\n",
    "en-fr": "dog chien\nlight lumière\nlight léger\n",
    "en-tr": "dog it\nlight ışık\n",
    "zh-en": "狗 dog\n喜欢 like\n",
    "hi-en": "कुत्ता dog\nक्षमा pardon\n",
    "en-ar": "dog كلب\n",
    "en-th": "dog หมา\n",
    "ja-en": "犬 dog\n",
    "de-fr": "Hund toutou\n",
}


@pytest.fixture
def lexicons(tmp_path):
    for name, rows in LEXICONS.items():
        (tmp_path / f"{name}.txt").write_text(rows, encoding="utf8")
    return {name: str(tmp_path / f"{name}.txt") for name in LEXICONS}


def test_a_lexicon_is_read_forwards_and_backwards(lexicons):
    mixing = CodeMixing(lexicons={"eng-deu_Latn": lexicons["en-de"]})
    assert results(mixing, "A Dog, DOG in Berlin", "en-GB") == {
        "A Hund, DOG in Berlin",
        "A Köter, DOG in Berlin",
        "A Dog, HUND in Berlin",
        "A Dog, KÖTER in Berlin",
    }
    assert results(mixing, "Der Hund ist leicht", "de-CH") == {"Der Dog ist leicht", "Der Hund ist light"}


@pytest.mark.parametrize(
    ("options", "language", "text", "expected"),
    [
        ({"languages": ["fr"]}, "en", "light", {"lumière", "léger"}),
        ({"languages": ["fra", "tr"]}, "en", "DOG", {"CHIEN", "İT"}),
        ({"languages": ["fr", "tr"], "max_translations": 1}, "en", "Light", {"Lumière", "Işık"}),
        ({"languages": ["fr"]}, "de", "Hund", {"Toutou"}),
        ({"languages": ["fr"], "pivot": "eng"}, "de", "Hund", {"Toutou", "Chien"}),
        ({"languages": ["fr"], "pivot": "en", "max_translations": 1}, "de", "Hund", {"Toutou"}),
        ({"languages": ["de"], "pivot": "en"}, "fr", "lumière", {"Licht", "leicht"}),
        ({"languages": ["de"], "pivot": "en"}, "de", "Licht", set()),
        ({"languages": ["de"], "pivot": "en"}, "en", "light", {"Licht", "leicht"}),
        ({"languages": ["en"]}, "tr", "IŞIK", {"LIGHT"}),
        ({"languages": ["en"]}, "hi", "कुत्ता, क्षमा", {"dog, क्षमा", "कुत्ता, pardon"}),
        ({"languages": ["en", "hi"], "pivot": "en"}, "ar", "كلب.", {"dog.", "कुत्ता."}),
        (
            {"languages": ["en", "ja"], "pivot": "en"},
            "zh-CN",
            "我喜欢狗。",
            {"我 like狗。", "我喜欢 dog。", "我喜欢犬。"},
        ),
        ({"languages": ["en"]}, "th", "รักหมา", {"รัก dog"}),
        ({"languages": ["zh", "th", "ja"]}, "en", "a dog!", {"a 狗!", "a หมา!", "a 犬!"}),
        ({"languages": ["en"]}, "ja", "犬7", {"dog 7"}),
        ({}, "en", "", set()),
        ({}, "en", "a 👩\u200d👩\u200d👧", set()),
    ],
)
def test_results_by_hand(lexicons, options, language, text, expected):
    assert results(CodeMixing(lexicons=lexicons, **options), text, language) == expected


def test_languages_that_lead_nowhere_are_refused(lexicons):
    own = {name: lexicons[name] for name in ("en-de", "en-fr", "hi-en")}
    mixing = CodeMixing(lexicons=own, languages=["fr"])
    assert [mixing.supports(code) for code in ("eng_Latn", "de", "fr", "hi", "ja")] == [
        True,
        False,
        False,
        False,
        False,
    ]
    mixing = CodeMixing(lexicons=own, languages=["fr"], pivot="en")
    assert [mixing.supports(code) for code in ("eng_Latn", "de", "fr", "hi", "ja")] == [True, True, False, True, False]
    message = "CodeMixing cannot change fr: it has no lexicon here into another language; use TypoPerturbation"
    with pytest.raises(UserError, match=message):
        mixing.require("fr")
    assert mixing.candidates(Example("0", "fr", "chien", 0), random.Random(0)) == []


def test_each_side_in_its_language(lexicons):
    mixing = CodeMixing(lexicons={"en-de": lexicons["en-de"]}, max_translations=1)
    example = Example("0", ("de", "en"), "dog Hund", 0, text_pair="dog Hund")
    first, second = Edit(4, 8, "Dog"), Edit(0, 3, "Hund", "text_pair")
    assert mixing.candidates(example, random.Random(0)) == [first, second]
    assert {mixing.sample(example, random.Random(seed)) for seed in range(20)} == {first, second}
    only = CodeMixing(lexicons={"en-de": lexicons["en-de"]}, sides=["text"])
    assert only.candidates(example, random.Random(0)) == [first]


def test_repeatable_and_the_same_after_pickling(lexicons):
    mixing = CodeMixing(lexicons=lexicons, pivot="en")
    example = Example("0", "en", "A dog likes light, I like the dog.", 0)
    copy = pickle.loads(pickle.dumps(mixing))
    assert copy.candidates(example, random.Random(0)) == mixing.candidates(example, random.Random(1))
    rngs = {own: random.Random(1) for own in (mixing, copy)}
    draws = [[own.sample(example, rng) for _ in range(20)] for own, rng in rngs.items()]
    assert draws[0] == draws[1] and len(set(draws[0])) > 3
    assert set(mixing.replacements("dog", "en")) > {"Hund", "狗", "كلب"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lexicons": {}}, "Expected argument `lexicons`"),
        ({"lexicons": {"en-de": "a", "eng-deu": "b"}}, "Expected argument `lexicons` to have each direction once"),
        ({"lexicons": {"en-de": "a"}, "languages": []}, "Expected argument `languages` to be some of"),
        ({"lexicons": {"en-de": "a"}, "languages": ["fr"]}, "Expected argument `languages` to be some of"),
        ({"lexicons": {"en-de": "a"}, "pivot": "fr"}, "Expected argument `pivot` to be one of"),
        ({"lexicons": {"en-de": "a"}, "max_translations": 0}, "Expected argument `max_translations`"),
        ({"lexicons": {"en-de": "a"}, "sides": "text"}, "Expected argument `sides`"),
        ({"lexicons": {"en-de": "gone.txt"}}, "gone.txt: No such file"),
        ({"lexicons": {"zh-CN-en": "a"}}, "Expected two languages such as 'en-de'"),
        ({"lexicons": {"en": "a"}}, "Expected two languages such as 'en-de'"),
        ({"lexicons": {"en-": "a"}}, "Expected two languages such as 'en-de'"),
        ({"lexicons": {"en-US>en-GB": "a"}}, "Expected two languages such as 'en-de'"),
        ({"lexicons": {"en>not a code": "a"}}, "Expected a language code"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        CodeMixing(**options)


def test_directions_in_any_spelling():
    named = {direction(name) for name in ("zh-pt", "zho_Hans-por_Latn", "zh-CN>pt-BR", "cmn > por")}
    assert named == {("zh", "pt")}

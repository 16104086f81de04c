"""How often words are switched, and into what: tested by chi-squared, which a biased sampler fails."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from scipy.stats import chisquare

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.regularizers import CodeSwitching

DRAWS = 4000
TEXT = "turn the light on now"  # "the" is in no lexicon


@pytest.fixture
def lexicons(tmp_path: Path) -> dict[str, str]:
    entries = {
        "en-de": "turn drehe\nlight licht\nlight lampe\nlight leuchte\non an\nnow jetzt\n",
        "en-fr": "turn tourne\nlight lumière\non allumé\nnow maintenant\n",
    }
    for name, text in entries.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf8")
    return {name: str(tmp_path / f"{name}.txt") for name in entries}


def switching(lexicons: dict[str, str], **options) -> CodeSwitching:
    own = CodeSwitching(lexicons=lexicons, **options)
    own.prepare(task("en"))
    return own


def task(source: str, *texts: str) -> SimpleNamespace:
    examples = [Example(str(number), source, text, 0) for number, text in enumerate(texts)]
    return SimpleNamespace(source=source, train_examples=examples, counts={}, parallel=None)


def views(switch: Callable[[Example, random.Random], Example]) -> list[list[str]]:
    rng = random.Random(3)
    example = Example("0", "en", TEXT, 0)
    return [switch(example, rng).text.split() for _ in range(DRAWS)]


def chances(words: float, texts: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, float]]:
    """CoSDA-ML's rule, by word: how likely each of its translations is; what is left is that the word stays.

    Args:
        words: the rate at which a language is drawn, each with the same chance.
        texts: of each language its words with their translations.
    """
    found: dict[str, dict[str, float]] = {}
    for lexicon in texts.values():
        for word, translations in lexicon.items():
            for new in translations:
                found.setdefault(word, {})[new] = words / len(texts) / len(translations)
    return found


LEXICON = {
    "de": {"turn": ["drehe"], "light": ["licht", "lampe", "leuchte"], "on": ["an"], "now": ["jetzt"]},
    "fr": {"turn": ["tourne"], "light": ["lumière"]},
    "es": {"light": ["luz", "lámpara"]},
}


@pytest.mark.parametrize(("lacking", "follows"), [("leave", True), ("redraw", False)])
def test_by_default_a_word_that_the_language_drawn_lacks_is_left(tmp_path: Path, lacking: str, follows: bool) -> None:
    paths = {}
    for language, entries in LEXICON.items():
        path = tmp_path / f"en-{language}.txt"
        lines = [f"{word} {new}" for word, others in entries.items() for new in others]
        path.write_text("\n".join(lines) + "\n", encoding="utf8")
        paths[f"en-{language}"] = str(path)
    own = CodeSwitching(lexicons=paths, lacking=lacking)  # type: ignore[arg-type]
    own.prepare(data := task("en", *[TEXT] * DRAWS))
    texts, worst = views(own.switched), 1.0
    for place, word in enumerate(TEXT.split()):
        chance = chances(0.6, LEXICON).get(word, {})
        counts = Counter(text[place] for text in texts)
        assert set(counts) == {word, *chance}
        if chance:
            expected = {word: 1 - sum(chance.values()), **chance}
            worst = min(worst, chisquare([counts[w] for w in expected], [DRAWS * p for p in expected.values()]).pvalue)
    assert (worst > 1e-3) == follows
    # turn 2/3, light 3/3, on and now 1/3 of 0.6, "the" never: 0.28 of the words, against 0.6 of the four that any has.
    assert data.counts["words_switched"]["code_switching"] == pytest.approx(0.28 if follows else 0.48, abs=0.02)


def p_values(texts: list[list[str]], sentences: float, words: float) -> list[float]:
    """Of the number of switched words in all and at each place, of languages, and of a language's translations."""
    original = TEXT.split()
    found = []
    for place in (0, 2, 3, 4):
        switched = sum(text[place] != original[place] for text in texts)
        expected = sentences * words * DRAWS
        found.append(chisquare([switched, DRAWS - switched], [expected, DRAWS - expected]).pvalue)
    unswitched = sum(text == original for text in texts)
    expected = DRAWS * (1 - sentences + sentences * (1 - words) ** 4)
    found.append(chisquare([unswitched, DRAWS - unswitched], [expected, DRAWS - expected]).pvalue)
    light = Counter(text[2] for text in texts if text[2] != "light")
    german = [light[word] for word in ("licht", "lampe", "leuchte")]
    found += [chisquare([sum(german), light["lumière"]]).pvalue, chisquare(german).pvalue]
    return found


@pytest.mark.parametrize(("sentences", "words"), [(1.0, 0.6), (0.5, 0.3)])
def test_words_are_switched_as_often_as_asked(lexicons: dict[str, str], sentences: float, words: float) -> None:
    """Both languages have all words but one, so that it does not matter what becomes of those that one lacks."""
    texts = views(switching(lexicons, sentences=sentences, words=words).switched)
    assert min(p_values(texts, sentences, words)) > 1e-3
    assert all(text[1] == "the" for text in texts)


def test_a_biased_sampler_fails(lexicons: dict[str, str]) -> None:
    own = switching(lexicons, words=0.6)
    assert min(p_values(views(own.switched), 1.0, 0.55)) < 1e-3  # another rate
    assert min(p_values(views(switching(lexicons, sentences=0.9, words=0.6 / 0.9).switched), 1.0, 0.6)) < 1e-3
    # All translations alike, whatever their language, as a flat list would have it.
    (german, french) = own._switches
    options = own._options
    own._options = lambda example: {  # type: ignore[method-assign]
        place: [[edit for edits in by_language for edit in edits]] for place, by_language in options(example).items()
    }
    assert german is not french and min(p_values(views(own.switched), 1.0, 0.6)) < 1e-3


def test_languages_can_be_named_and_read_backwards(lexicons: dict[str, str]) -> None:
    only = switching(lexicons, languages=["fra"], words=1.0)
    assert only.switched(Example("0", "en", TEXT, 0), random.Random(0)).text == "tourne the lumière allumé maintenant"
    backwards = CodeSwitching(lexicons=lexicons, words=1.0)
    backwards.prepare(task("de"))
    assert backwards.switched(Example("0", "de", "Licht an!", 0), random.Random(0)).text == "Light on!"


def test_the_share_of_words_with_a_translation_is_told(lexicons: dict[str, str]) -> None:
    data = task("en", TEXT, "lamp and light")
    CodeSwitching(lexicons=lexicons, languages=["fr", "de"]).prepare(data)
    assert data.counts["words_with_translation"] == {"fr": 0.625, "de": 0.625}
    (own,) = (CodeSwitching(lexicons=lexicons, languages=["de"]),)
    own.prepare(data := task("en", "light", "lamp"))
    assert data.counts["words_with_translation"] == {"de": 0.5}


def test_both_texts_of_a_pair_are_switched(lexicons: dict[str, str]) -> None:
    own = switching(lexicons, languages=["de"], words=1.0)
    found = own.switched(Example("0", "en", "now on", 0, "on now"), random.Random(0))
    assert (found.text, found.text_pair) == ("jetzt an", "an jetzt")


def test_what_cannot_be_switched_is_refused(lexicons: dict[str, str]) -> None:
    with pytest.raises(UserError, match="No lexicon translates from 'pl'"):
        CodeSwitching(lexicons=lexicons).prepare(task("pl"))
    with pytest.raises(ValueError, match="into which the lexicons translate from 'en', but got 'pl'"):
        switching(lexicons, languages=["pl"])
    with pytest.raises(ValueError, match="Expected two languages"):
        CodeSwitching(lexicons={"english": "a.txt"})
    with pytest.raises(ValueError, match="`lacking` to be 'leave' or 'redraw', but got 'keep'"):
        CodeSwitching(lacking="keep")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"`words` to be in \[0, 1\], but got 1.5"):
        CodeSwitching(words=1.5)

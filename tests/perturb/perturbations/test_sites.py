"""What every perturbation that is a list of places promises, on real sentences and on strange texts.

Those that are not to be seen promise other things: see test_invisible.py.
"""

import random
import unicodedata

import pytest
import regex
from perturb.sentences import HARDER, ODD, SENTENCES

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb.edits import apply_edits
from xltrobust.perturb.perturbations.case import CasePerturbation
from xltrobust.perturb.perturbations.diacritics import DiacriticsPerturbation
from xltrobust.perturb.perturbations.lookalikes import LookalikePerturbation
from xltrobust.perturb.perturbations.punctuation import PunctuationPerturbation
from xltrobust.perturb.perturbations.sites import SitePerturbation
from xltrobust.perturb.perturbations.words import LocalReordering, WordDropping
from xltrobust.text.clusters import is_sound
from xltrobust.text.scripts import script_of
from xltrobust.text.words import split_clusters

ALL = {**SENTENCES, **HARDER}
# Every perturbation of sites, with the languages of these sentences that it cannot change.
UNSUPPORTED = {
    LookalikePerturbation: {"ko", "hi", "hin_Deva", "ben_Beng"},
    DiacriticsPerturbation: {"zh-CN", "ja", "ja-JP", "ko", "he", "he-IL", "hy"},
    CasePerturbation: set(ALL) - set("en de-CH fr rus_Cyrl el vi tr hy spa_Latn uk".split()),
    PunctuationPerturbation: set(),
    WordDropping: {"zh-CN", "ja", "ja-JP", "th", "tha"},
    LocalReordering: {"zh-CN", "ja", "ja-JP", "th", "tha"},
}
CLASSES = tuple(UNSUPPORTED)
# Supported, but these sentences happen to have nothing to change.
NOTHING_TO_CHANGE = {(LookalikePerturbation, "ja")}


def test_every_perturbation_of_sites_is_here():
    found, waiting = set(), [SitePerturbation]
    for kind in waiting:
        waiting += kind.__subclasses__()
        if kind is not SitePerturbation and not kind.invisible and not kind.__name__.startswith("_"):
            found.add(kind)
    assert {kind for kind in found if kind.__module__.startswith("xltrobust.")} == set(CLASSES), "see UNSUPPORTED"


def visible(text):
    return " ".join(regex.sub(r"\p{Cf}", "", unicodedata.normalize("NFKC", text)).split())


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("language", ALL)
@pytest.mark.parametrize("kind", CLASSES)
def test_real_sentences_change_visibly_and_only_where_supported(kind, language, form):
    text, perturbation = unicodedata.normalize(form, ALL[language]), kind()
    assert perturbation.supports(language) == (language not in UNSUPPORTED[kind])
    example, rng = Example("0", language, text, 0), random.Random(0)
    candidates = perturbation.candidates(example, rng)
    expected = perturbation.supports(language) and (kind, language) not in NOTHING_TO_CHANGE
    assert bool(candidates) == expected
    assert (perturbation.sample(example, rng) is not None) == expected
    assert len(set(candidates)) == len(candidates)
    digits = [character for character in text if character.isnumeric()]
    bounds = {0}
    for cluster in split_clusters(text):
        bounds.add(max(bounds) + len(cluster))
    for edit in candidates:
        result = apply_edits(example, [edit]).text
        assert visible(result) != visible(text) and result.encode("utf8")
        assert {edit.start, edit.end} <= bounds
        kept = split_clusters(text[: edit.start]), split_clusters(text[edit.end :])
        assert split_clusters(result) == [*kept[0], *split_clusters(edit.replacement), *kept[1]]
        assert [character for character in result if character.isnumeric()] == digits


@pytest.mark.parametrize("kind", CLASSES)
def test_unsupported_languages_are_refused_in_one_line(kind):
    perturbation = kind()
    for language in UNSUPPORTED[kind]:
        with pytest.raises(UserError, match=f"^{kind.__name__} cannot change {language}: it has no .*; use [^\n]*$"):
            perturbation.require(language)
    for language in set(ALL) - UNSUPPORTED[kind]:
        perturbation.require(language)


@pytest.mark.parametrize("kind", CLASSES)
def test_samples_are_candidates_and_reach_every_place(kind):
    perturbation = kind()
    for language in {"de-CH", "vi", "uk"} - UNSUPPORTED[kind]:
        example = Example("0", language, ALL[language], 0)
        listed = {e for seed in range(40) for e in perturbation.candidates(example, random.Random(seed))}
        rng = random.Random(1)
        drawn = {perturbation.sample(example, rng) for _ in range(2000)}
        assert None not in drawn
        assert {(e.start, e.end) for e in drawn} == {(e.start, e.end) for e in listed}
        assert len(drawn & listed) > 0.9 * len(drawn)


@pytest.mark.parametrize("kind", CLASSES)
def test_randomness_comes_from_rng_alone(kind):
    example, perturbation = Example("0", "fr", ALL["fr"], 0), kind()
    draws = [[perturbation.sample(example, rng) for _ in range(20)] for rng in map(random.Random, (5, 5, 6))]
    assert draws[0] == draws[1] != draws[2]
    lists = [perturbation.candidates(example, random.Random(seed)) for seed in (5, 5)]
    assert lists[0] == lists[1]


@pytest.mark.parametrize("kind", CLASSES)
def test_only_unlocked_sides_change_each_in_its_own_language(kind):
    example, rng = (
        Example("0", ("de", "zh"), "Über allen Gipfeln, ruht er.", 0, text_pair="晚上,iPhone é a b."),
        random.Random(0),
    )
    for sides in (("text",), ("text_pair",), ("text", "text_pair")):
        perturbation = kind(sides=sides)
        possible = {side for side in sides if side == "text" or perturbation.supports("zh")}
        assert {edit.side for edit in perturbation.candidates(example, rng)} == possible
        drawn = {perturbation.sample(example, rng) for _ in range(300)}
        assert {edit.side for edit in drawn if edit} == possible
        assert (None in drawn) == (not possible)


@pytest.mark.parametrize("kind", CLASSES)
def test_strange_texts_get_no_no_op_and_no_new_clusters(kind):
    soup = list("abAB ßéＡａﬁ 12,.'กเคㅋㅏ한مل我ーあİıςǅ،。।？\n") + ["ำ", "ै", "क", "़", "्", "ष", "👩", "👧", "🏽"]
    soup += list("\u0301\u200d\u200c\u00ad\u1100\u1161\ufe0f\u064b\u0600\u0d4e\ud800\u0e48") + [" "] * 8
    rng, perturbation, seen = random.Random(0), kind(), 0
    texts = [*ODD, *("".join(rng.choices(soup, k=rng.randrange(1, 12))) for _ in range(1500))]
    for text in texts:
        example = Example("0", rng.choice(["en", "ko", "th", "hi", "zh", "ar", "tr", "el", "und"]), text, 0)
        candidates = perturbation.candidates(example, rng)
        assert (perturbation.sample(example, rng) is None) == (not candidates)
        for edit in candidates:
            result = apply_edits(example, [edit]).text
            assert visible(result) != visible(text)
            parts = text[: edit.start], edit.replacement, text[edit.end :]
            assert split_clusters(result) == [cluster for part in parts for cluster in split_clusters(part)]
            seen += 1
    assert seen > 50


@pytest.mark.parametrize("kind", CLASSES)
def test_empty_texts_have_no_candidates(kind):
    for text in ("", " ", "7", "7:30", "\u0301", "👩\u200d👩\u200d👧"):
        assert kind().candidates(Example("0", "en", text, 0), random.Random(0)) == []


@pytest.mark.parametrize(
    ("kind", "argument"),
    [(kind, "sides") for kind in CLASSES]
    + [(DiacriticsPerturbation, "operations"), (PunctuationPerturbation, "operations"), (CasePerturbation, "units")],
)
@pytest.mark.parametrize("value", [(), ("both",), "text"])
def test_wrong_arguments_are_refused(kind, argument, value):
    with pytest.raises(ValueError, match=f"Expected argument `{argument}` to be .*, but got"):
        kind(**{argument: value})


def test_scripts_are_the_codes_own_or_the_usual_one():
    assert [script_of(code) for code in ("srp_Latn", "sr", "yue", "fa")] == ["Latn", "Cyrl", "Hant", "Arab"]
    with pytest.raises(ValueError, match="Expected a language code"):
        script_of("no language")


@pytest.mark.parametrize(
    ("left", "old", "new", "right", "sound"),
    [("", "a", "b", "", True), ("", "a", "𝐚", "", False), ("क", "a", "्", "ष", False), (" ", ",", "", "b", True)],
)
def test_is_sound_by_hand(left, old, new, right, sound):
    assert is_sound(left, old, new, right) == sound

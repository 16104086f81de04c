"""Random views follow RS-DA's distribution; a sampler that does not is told from it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from scipy import stats

from xltrobust.example import Example
from xltrobust.perturb import CodeMixing, RandomView, SynonymSubstitution, TypoPerturbation

ALPHA = 1e-3
TABLE = "big\tlarge\thuge\ncar\tauto\nBig\tLarge\n"
PAIR = Example("0", "en", "a big car, a car big Big", 0, "big car")


@pytest.fixture
def synonyms(tmp_path: Path) -> SynonymSubstitution:
    (tmp_path / "en.tsv").write_text(TABLE, encoding="utf8")
    return SynonymSubstitution(tables={"en": str(tmp_path / "en.tsv")})


def draws(view: RandomView, count: int = 3000) -> list[Example]:
    rng = random.Random(0)
    return [view(PAIR, rng) for _ in range(count)]


def p_value(words: list[str], options: list[str]) -> float:
    """Chi-squared, of the words being uniform draws from the options."""
    counts = Counter(words)
    assert set(counts) <= set(options)
    return stats.chisquare([counts[option] for option in options]).pvalue


def test_every_word_is_a_uniform_draw_from_itself_and_its_synonyms(synonyms: SynonymSubstitution) -> None:
    found = draws(RandomView(perturbation=synonyms))
    split = [example.text.split(" ") for example in found]
    columns = [[words[at] for words in split] for at in range(7)]
    assert set(columns[0]) == {"a"} and set(columns[2]) == {"car,"}  # a comma makes another word
    assert p_value(columns[1], ["big", "large", "huge"]) > ALPHA
    assert p_value(columns[4], ["car", "auto"]) > ALPHA
    assert p_value(columns[6], ["Big", "Large"]) > ALPHA  # as it is spelt: the capital has an entry of its own


def test_words_and_sides_are_drawn_independently(synonyms: SynonymSubstitution) -> None:
    found = draws(RandomView(perturbation=synonyms))
    pairs = [(example.text.split(" ")[1], (example.text_pair or "").split(" ")[0]) for example in found]
    within = [(example.text.split(" ")[1], example.text.split(" ")[5]) for example in found]
    for both in (pairs, within):
        counts = Counter(both)
        words = ["big", "large", "huge"]
        table = [[counts[a, b] for b in words] for a in words]
        assert stats.chi2_contingency(table).pvalue > ALPHA
        assert p_value([f"{a} {b}" for a, b in both], [f"{a} {b}" for a in words for b in words]) > ALPHA


def test_a_biased_sampler_is_told(synonyms: SynonymSubstitution) -> None:
    """Every synonym as likely as the word, and the word as likely as all synonyms together, are different things."""
    rng = random.Random(0)
    biased = [rng.choice(["big", rng.choice(["large", "huge"])]) for _ in range(3000)]
    assert p_value(biased, ["big", "large", "huge"]) < ALPHA
    never = [rng.choice(["large", "huge"]) for _ in range(3000)]
    assert p_value(never, ["big", "large", "huge"]) < ALPHA


def test_by_words_case_and_punctuation_are_seen_to(synonyms: SynonymSubstitution) -> None:
    found = draws(RandomView(perturbation=synonyms, segmentation="words"))
    assert p_value([example.text.split(" ")[2] for example in found], ["car,", "auto,"]) > ALPHA
    assert p_value([example.text.split(" ")[6] for example in found], ["Big", "Large"]) > ALPHA


def test_any_perturbation_can_take_the_synonyms_place(tmp_path: Path) -> None:
    (tmp_path / "en-de.txt").write_text("big groß\ncar Auto\n", encoding="utf8")
    mixed = draws(RandomView(perturbation=CodeMixing(lexicons={"en-de": str(tmp_path / "en-de.txt")})))
    assert p_value([example.text.split(" ")[4] for example in mixed], ["car", "Auto"]) > ALPHA
    typos = draws(RandomView(perturbation=TypoPerturbation(), rate=0.2), 50)
    assert all((own.text, own.text_pair) != (PAIR.text, PAIR.text_pair) for own in typos)
    assert len({own.text for own in typos}) > 25


def test_other_languages_and_bad_arguments(synonyms: SynonymSubstitution) -> None:
    view = RandomView(perturbation=synonyms)
    german = Example("0", "de", "big car", 0)
    assert view(german, random.Random(0)) == german
    with pytest.raises(ValueError, match="`rate` to say how many edits TypoPerturbation makes"):
        RandomView(perturbation=TypoPerturbation())
    with pytest.raises(ValueError, match="Expected argument `rate`"):
        RandomView(perturbation=TypoPerturbation(), rate=0.0)
    with pytest.raises(ValueError, match="Expected argument `segmentation`"):
        RandomView(perturbation=synonyms, segmentation="letters")  # type: ignore[arg-type]

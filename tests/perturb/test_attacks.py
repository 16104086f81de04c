"""Every attack must lower accuracy in every script that it declares, by more than chance does at equal queries.

A new perturbation takes one entry in ``ENTRIES``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from perturb.sentences import ODD
from perturb.writers import LANGUAGES, WORDS, texts, victim
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb import (
    AttackResult,
    BeamSearch,
    BidiPerturbation,
    CasePerturbation,
    CodeMixing,
    DeletionPerturbation,
    DiacriticsPerturbation,
    GradientSearch,
    GreedyEverything,
    GreedySearch,
    LocalReordering,
    LookalikePerturbation,
    MaxEditDistance,
    MaxWordsChanged,
    PunctuationPerturbation,
    RandomSearch,
    Search,
    SynonymSubstitution,
    TypoPerturbation,
    WordDropping,
    ZeroWidthPerturbation,
    attack,
)

EXAMPLES = 24
FEW_WORDS = MaxWordsChanged(share=0.16)  # five of 32


@cache
def tables() -> TemporaryDirectory:
    """``{language}.json``: for all words a synonym that says nothing; ``{language}.tsv``: likewise a translation."""
    folder = TemporaryDirectory()
    for language in LANGUAGES:
        words, others, foreign_words = (WORDS[own].split() for own in (language, language, foreign(language)))
        synonyms = {word: [others[-1 - at % 20]] for at, word in enumerate(words)}
        (Path(folder.name) / f"{language}.json").write_text(json.dumps(synonyms), encoding="utf8")
        lexicon = "\n".join(f"{word}\t{foreign_words[-1 - at % 20]}" for at, word in enumerate(words))
        (Path(folder.name) / f"{language}.tsv").write_text(lexicon, encoding="utf8")
    return folder


def foreign(language: str) -> str:
    return "ru" if language == "en" else "en"


def synonyms(language: str) -> SynonymSubstitution:
    return SynonymSubstitution(tables={language: f"{tables().name}/{language}.json"})


def code_mixing(language: str) -> CodeMixing:
    return CodeMixing(lexicons={f"{language}-{foreign(language)}": f"{tables().name}/{language}.tsv"})


# The task, the perturbation of a language, the constraint, and the languages for which it declares that it cannot.
ENTRIES = {
    "typos": ("words", lambda _: TypoPerturbation(operations=("delete",)), FEW_WORDS, ""),
    "lookalikes": ("words", lambda _: LookalikePerturbation(), MaxWordsChanged(share=0.3), "hi"),
    "diacritics": ("words", lambda _: DiacriticsPerturbation(), MaxWordsChanged(share=0.3), "zh"),
    "case": ("words", lambda _: CasePerturbation(), FEW_WORDS, "ar hi zh th"),
    "punctuation": ("marks", lambda _: PunctuationPerturbation(), MaxEditDistance(distance=3), ""),
    "dropping": ("words", lambda _: WordDropping(), FEW_WORDS, "zh th"),
    "reordering": ("order", lambda _: LocalReordering(), MaxWordsChanged(share=0.17), "zh th"),
    "synonyms": ("words", synonyms, FEW_WORDS, ""),
    "code_mixing": ("words", code_mixing, FEW_WORDS, ""),
    "zero_width": ("words", lambda _: ZeroWidthPerturbation(characters=["space"]), MaxWordsChanged(share=0.3), ""),
    "bidi": ("words", lambda _: BidiPerturbation(), MaxWordsChanged(share=0.3), "ar hi"),
    "deletions": ("words", lambda _: DeletionPerturbation(), MaxWordsChanged(share=0.3), ""),
}
SEARCHES = {
    "deletion": (GreedySearch(candidates_per_word=6), 80),
    "mask": (GreedySearch(ranking="mask", candidates_per_word=6), 80),
    "ranked_by_gradient": (GreedySearch(ranking="gradient", candidates_per_word=6), 60),
    "gradient": (GradientSearch(), 60),
    "everything": (GreedyEverything(), 1000),
    "beam": (BeamSearch(width=2), 1600),
}
# Of characters that are not seen there is a choice at every letter of a text: too much for a test of the slow searches.
INVISIBLE = ("zero_width", "bidi", "deletions")
QUICK = ("deletion", "gradient")
CAN = [(name, own) for name, entry in ENTRIES.items() for own in LANGUAGES if own not in entry[3].split()]
CANNOT = [(name, own) for name, entry in ENTRIES.items() for own in LANGUAGES if own in entry[3].split()]


def attacked(name: str, language: str, search: Search, budget: int) -> list[AttackResult]:
    task, perturbation, constraint, _ = ENTRIES[name]
    results = attack(
        texts(task, language, EXAMPLES, seed=1), victim(task), perturbation=perturbation(language), search=search,
        constraints=[constraint], budget=budget,
    )  # fmt: skip
    assert all(result.queries + result.backwards <= budget for result in results)
    return results


@cache
def guided(name: str, language: str, search: str) -> tuple[int, int]:
    """How many examples a search breaks, and the most that it asks about one."""
    results = attacked(name, language, *SEARCHES[search])
    broken = sum(result.broken and result.adversarial is not None for result in results)
    return broken, max(result.queries + result.backwards for result in results)


def searches_of(name: str) -> tuple[str, ...]:
    return QUICK if name in INVISIBLE else tuple(SEARCHES)


@cache
def by_chance(name: str, language: str) -> list[AttackResult]:
    """The control, at the most that any search asks; it also tells what fewer draws would have broken."""
    most = max(guided(name, language, search)[1] for search in searches_of(name))
    return attacked(name, language, RandomSearch(draws=most - 1, rate=0.15), most)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", ["words", "order", "marks"])
def test_the_victims_know_their_tasks(task: str, language: str) -> None:
    data = texts(task, language, 400, seed=2)
    assert np.mean(victim(task)(data).argmax(axis=1) == [own.label for own in data]) > 0.9


@pytest.mark.parametrize(
    ("name", "language", "search"), [(name, own, search) for name, own in CAN for search in searches_of(name)]
)
def test_attacks_take_twenty_points_and_more_than_chance(name: str, language: str, search: str) -> None:
    broken, asked = guided(name, language, search)
    chance = sum(own.broken_at is not None and own.broken_at <= asked for own in by_chance(name, language))
    assert broken >= 0.2 * EXAMPLES, f"{name} is too weak: its entry's constraint may allow too little"
    assert broken > chance, f"{search} finds no more than chance does"


@pytest.mark.parametrize(("name", "language"), CANNOT)
def test_what_cannot_be_changed_is_declared(name: str, language: str) -> None:
    perturbation = ENTRIES[name][1](language)
    assert not perturbation.supports(language) and not perturbation.changes(language)
    with pytest.raises(UserError, match=f"{type(perturbation).__name__} cannot change {language}"):
        attacked(name, language, RandomSearch(), 10)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(("name", "language"), CAN)
def test_odd_texts_pass(name: str, language: str, search: str) -> None:
    odd = [Example(str(number), language, text, 0) for number, text in enumerate([*ODD, "ab", "我们", "a b"])]
    answers = victim("words")(odd).argmax(axis=1)
    data = [replace(own, label=int(answer)) for own, answer in zip(odd, answers, strict=True)]
    found, _ = SEARCHES[search]
    perturbation = ENTRIES[name][1](language)
    for result in attack(data, victim("words"), perturbation=perturbation, search=found, budget=20):
        assert result.adversarial is None or result.adversarial.text != result.example.text


def test_tables_change_the_languages_that_they_are_for() -> None:
    perturbations = synonyms("ru"), code_mixing("ru")  # a lexicon is read both ways
    assert [[own for own in LANGUAGES if p.changes(own)] for p in perturbations] == [["ru"], ["en", "ru"]]

"""Alignments of a bitext made by hand, in which adjectives follow their nouns and one word becomes two."""

from __future__ import annotations

import builtins
import random
import sys

import pytest

from xltrobust.datamodules.parallel.words.statistical_aligner import StatisticalAligner
from xltrobust.errors import MissingPackage

ADJECTIVES = {"red": "rouge", "old": "vieux", "small": "petit", "fast": "rapide"}
NOUNS = {"dishwasher": "lave vaisselle", "house": "maison", "tree": "arbre", "dog": "chien", "car": "voiture"}
VERBS = {"sees": "voit", "wants": "veut", "paints": "peint", "hears": "entend"}
MODELS = ["ibm1", "fast_align", "hmm", "eflomal"]


def sentence(rng: random.Random) -> tuple[str, str, list[tuple[int, int]]]:
    """A sentence, its translation and the links between them."""
    source: list[str] = []
    target: list[str] = []
    links = []
    adjectives = rng.sample(list(ADJECTIVES), 2)
    for part, noun in enumerate(rng.sample(list(NOUNS), 2)):
        if part:
            source.append(verb := rng.choice(list(VERBS)))
            target.append(VERBS[verb])
            links.append((len(source) - 1, len(target) - 1))
        if rng.random() < 0.6:
            translation = NOUNS[noun].split()
            links += [(len(source) + 1, len(target) + at) for at in range(len(translation))]
            links.append((len(source), len(target) + len(translation)))
            source += [adjectives[part], noun]
            target += [*translation, ADJECTIVES[adjectives[part]]]
        else:
            links += [(len(source), len(target) + at) for at in range(len(NOUNS[noun].split()))]
            source.append(noun)
            target += NOUNS[noun].split()
    return " ".join(source), " ".join(target), sorted(links)


@pytest.fixture(scope="module")
def bitext() -> tuple[list[str], list[str], list[list[tuple[int, int]]]]:
    rng = random.Random(0)
    sources, targets, links = zip(*(sentence(rng) for _ in range(200)), strict=True)
    return list(sources), list(targets), list(links)


def counted(links: list[list[tuple[int, int]]]) -> set[tuple[int, int, int]]:
    return {(pair, *link) for pair, own in enumerate(links) for link in own}


@pytest.mark.parametrize(("model", "recall"), [("ibm1", 1.0), ("fast_align", 1.0), ("hmm", 0.95), ("eflomal", 0.9)])
def test_reordered_words_and_one_to_many_are_found(bitext, model: str, recall: float) -> None:
    sources, targets, expected = bitext
    found = counted(StatisticalAligner(model=model).align(sources, targets))
    assert found <= counted(expected)
    assert len(found) >= recall * len(counted(expected))  # a tenth of them are second links of a word


def test_links_are_of_words_and_in_order(bitext) -> None:
    sources, targets, expected = bitext
    untidy = [f"\u201c{source.upper()}\u201d (7)!" for source in sources]
    assert StatisticalAligner(model="ibm1").align(untidy, targets) == expected
    marks = "\u00e9", "e\u0301"  # one letter, however it is encoded
    apart = [target.replace("e", marks[row % 2]) for row, target in enumerate(targets)]
    assert StatisticalAligner(model="ibm1").align(sources, apart) == expected


def test_the_intersection_is_part_of_what_grows_from_it_and_this_of_the_union(bitext) -> None:
    sources, targets, _ = bitext
    by_name = {
        name: counted(StatisticalAligner(model="hmm", symmetrization=name).align(sources, targets))
        for name in ("intersection", "grow_diag", "union")
    }
    assert by_name["intersection"] < by_name["grow_diag"] < by_name["union"]


def test_words_that_differ_in_case_are_one_word() -> None:
    sources = ["red house", "RED tree", "old HOUSE", "OLD Tree", "Red dog", "oLD DOG"]
    targets = ["maison rouge", "arbre rouge", "maison vieux", "arbre vieux", "chien rouge", "chien vieux"]
    assert StatisticalAligner(model="ibm1").align(sources, targets) == [[(0, 1), (1, 0)]] * 6
    assert StatisticalAligner(model="ibm1").align(targets, sources) == [[(0, 1), (1, 0)]] * 6


def test_samples_go_by_the_seed() -> None:
    rng = random.Random(0)
    texts = [" ".join(rng.choices("abcdefgh", k=8)) for _ in range(60)]
    links = [StatisticalAligner(seed=seed, iterations=4).align(texts[:30], texts[30:]) for seed in (0, 0, 1)]
    assert links[0] == links[1] != links[2]


@pytest.mark.parametrize("model", MODELS)
def test_the_same_texts_give_the_same_links(bitext, model: str) -> None:
    sources, targets, _ = bitext
    first, again = (StatisticalAligner(model=model, seed=3).align(sources, targets) for _ in range(2))
    assert first == again


def test_more_passes_are_made_if_asked_for(bitext) -> None:
    sources, targets, expected = (part[:20] for part in bitext)
    once, often = (
        len(counted(StatisticalAligner(model="ibm1", iterations=number).align(sources, targets)) - counted(expected))
        for number in (1, 10)
    )
    assert once > often


@pytest.mark.parametrize("model", MODELS)
def test_texts_without_words_and_endless_ones_have_no_links(bitext, model: str) -> None:
    sources, targets, expected = (part[:40] for part in bitext)
    aligner = StatisticalAligner(model=model)
    alone = aligner.align(sources, targets)
    odd = ["", "7 !", "house", "dog " * 1025], ["maison", "arbre", " ", "chien"]
    assert aligner.align([*sources, *odd[0]], [*targets, *odd[1]]) == [*alone, [], [], [], []]
    assert aligner.align([], []) == []
    assert aligner.align(["?"], ["!"]) == [[]]


def test_texts_in_scripts_without_spaces() -> None:
    sources = ["red house", "red tree", "old house", "old tree"] * 5
    targets = ["红色房子", "红色树木", "老旧房子", "老旧树木"] * 5
    assert StatisticalAligner(model="ibm1").align(sources, targets) == [[(0, 0), (1, 1)]] * 20


def test_settings_tell_aligners_apart() -> None:
    aligners = [
        StatisticalAligner(),
        *(StatisticalAligner(model=model) for model in ("ibm1", "fast_align")),
        StatisticalAligner(symmetrization="union"),
        StatisticalAligner(iterations=7),
        StatisticalAligner(model="eflomal"),
        StatisticalAligner(model="eflomal", seed=1),
    ]
    assert len({repr(own.settings()) for own in aligners}) >= len(aligners) - 1
    assert StatisticalAligner(model="hmm", seed=1).settings() == StatisticalAligner(model="hmm").settings()
    assert StatisticalAligner(model="hmm").settings()["sil-thot"]


def test_the_package_may_be_missing(monkeypatch) -> None:
    real = builtins.__import__

    def fake(name, *args, **kwargs):
        if name.startswith("thot"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    for module in [name for name in sys.modules if name.split(".")[0] == "thot"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(MissingPackage, match=r"Statistical word alignment needs the package sil-thot: pip install"):
        StatisticalAligner().align(["a"], ["b"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "ibm5"}, "Expected argument `model` to be one of .*'ibm1'.*, but got 'ibm5'"),
        ({"symmetrization": "none"}, "Expected argument `symmetrization` to be one of .*, but got 'none'"),
        ({"iterations": 0}, "Expected argument `iterations` to be positive or None, but got 0"),
    ],
)
def test_arguments_are_checked(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StatisticalAligner(**options)
    with pytest.raises(ValueError, match="zip"):
        StatisticalAligner().align(["a"], [])

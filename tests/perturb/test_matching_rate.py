"""The share of words that views change is what it says, and a rate is found for the share that is asked for."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.perturb import RandomView, SynonymSubstitution, TypoPerturbation
from xltrobust.perturb.matching_rate import with_rate, words_changed
from xltrobust.regularizers import CodeSwitching, DataAugmentation

WORDS = "turn light lamp kitchen garden window please there again under"
TYPOS = TypoPerturbation()


def texts(count: int = 200, seed: int = 0) -> list[Example]:
    rng = random.Random(seed)
    return [
        Example(str(at), "en", " ".join(rng.choices(WORDS.split(), k=rng.randint(4, 12))), 0) for at in range(count)
    ]


@pytest.fixture
def synonyms(tmp_path: Path) -> SynonymSubstitution:
    path = tmp_path / "en.tsv"
    path.write_text("".join(f"{word}\t{word[::-1]}\n" for word in WORDS.split()), encoding="utf8")
    return SynonymSubstitution(tables={"en": str(path)})


def differing(view: RandomView, examples: list[Example]) -> float:
    """The share of words in which texts and views differ, place by place: none is added or lost."""
    rng, total, changed = random.Random(1), 0, 0
    for example in examples:
        old, new = example.text.split(), view(example, rng).text.split()
        total, changed = total + len(old), changed + sum(a != b for a, b in zip(old, new, strict=True))
    return changed / total


@pytest.mark.parametrize("target", [0.2, 0.35, 0.6])
def test_the_share_asked_for_is_changed(synonyms: SynonymSubstitution, target: float) -> None:
    for perturbation in (TYPOS, synonyms):
        view = with_rate(RandomView(perturbation=perturbation, words_changed=target), texts())
        assert view.rate is not None and view.words_changed is None
        assert words_changed(view, texts()) == pytest.approx(target, abs=0.02)
        assert differing(view, texts(300, seed=5)) == pytest.approx(target, abs=0.03)
        assert with_rate(RandomView(perturbation=perturbation, words_changed=target), texts()) == view


def test_the_measure_is_that_of_code_switching(synonyms: SynonymSubstitution, tmp_path: Path) -> None:
    """Half of the words switched by a lexicon that has all of them, and as many changed by synonyms."""
    path = tmp_path / "en-de.txt"
    path.write_text("".join(f"{word} {word}en\n" for word in WORDS.split()), encoding="utf8")
    examples = texts(400)
    data = SimpleNamespace(source="en", train_examples=examples, counts={}, parallel=None)
    switching = CodeSwitching(lexicons={"en-de": str(path)}, words=0.5)
    switching.prepare(data)
    share = data.counts["words_switched"]["code_switching"]
    own = DataAugmentation(view=RandomView(perturbation=synonyms, words_changed=share))
    own.prepare(data)
    assert data.counts["words_changed"]["data_augmentation"] == pytest.approx(share, abs=0.02)
    assert data.counts["view_rate"]["data_augmentation"] == pytest.approx(0.5, abs=0.05)
    rng = random.Random(2)
    switched = [switching.switched(example, rng).text.split() for example in examples]
    pairs = [
        (a, b) for own, new in zip(examples, switched, strict=True) for a, b in zip(own.text.split(), new, strict=True)
    ]
    assert share == pytest.approx(sum(a != b for a, b in pairs) / len(pairs), abs=0.03)
    (view,) = own.augment(examples[:1], random.Random(0))
    assert view.text != examples[0].text


def test_a_share_that_cannot_be_had_is_refused(synonyms: SynonymSubstitution) -> None:
    short = [Example("0", "en", "turn the light", 0)]
    for target, least in ((0.1, "0.33"), (0.9, "0.33")):
        with pytest.raises(UserError, match=f"can change {least} to 0.67 of the words of these training texts, but"):
            with_rate(RandomView(perturbation=synonyms, words_changed=target), short)
    with pytest.raises(ValueError, match="`rate` to be None beside `words_changed`, but got 0.3"):
        RandomView(perturbation=TYPOS, rate=0.3, words_changed=0.3)
    with pytest.raises(ValueError, match=r"`words_changed` to be a number in \(0, 1\), but got 1"):
        RandomView(perturbation=TYPOS, words_changed=1)
    with pytest.raises(ValueError, match="the one for `words_changed` is found when a training starts"):
        RandomView(perturbation=TYPOS, words_changed=0.3)(short[0], random.Random(0))


def test_without_a_share_a_view_stays_and_is_measured(synonyms: SynonymSubstitution) -> None:
    view = RandomView(perturbation=synonyms, segmentation="words")
    assert with_rate(view, texts()) is view
    assert words_changed(view, texts()) == pytest.approx(0.5, abs=0.05)  # each word or its one synonym
    assert words_changed(view, []) == 0

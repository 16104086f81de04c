"""Sentence vectors against transformers alone, and what the constraint makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from xltrobust.encoders import sentence_encoder as sentences
from xltrobust.encoders.sentence_encoder import SentenceEncoder, sentence_encoder
from xltrobust.example import Example
from xltrobust.perturb import (
    BatchedConstraint,
    Perturbation,
    RandomSearch,
    SemanticSimilarity,
    TypoPerturbation,
    attack,
)

TEXTS = ["turn it off", "turn it of", "关掉灯", "أطفئ النور", "a" * 60, "", "x y z " * 7, "turn it off"]
PAIR = Example("0", ("en", "zh"), "turn it off", 0, "关掉灯")


def examples(texts: list[str] = TEXTS) -> list[Example]:
    return [Example(str(n), "en", text, 0) for n, text in enumerate(texts)]


@pytest.fixture(scope="module")
def reference(tiny_encoder: Path):
    """Vectors from transformers alone, one text at a time."""
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_encoder), AutoModel.from_pretrained(tiny_encoder).eval()

    def vector(text: str, **options: object) -> np.ndarray:
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt", **options)).last_hidden_state[0].double().mean(0)
        return (mean / mean.norm()).numpy()

    return vector


def test_cosines_are_those_of_transformers_alone(tiny_encoder: Path, reference) -> None:
    originals, changed = examples(), examples(TEXTS[::-1])
    found = SentenceEncoder(str(tiny_encoder), prefix="query: ").similarities(
        list(zip(originals, changed, strict=True))
    )
    for old, new, cosine in zip(TEXTS, TEXTS[::-1], found, strict=True):
        expected = 1 if old == new else reference("query: " + old) @ reference("query: " + new)
        assert cosine == pytest.approx(expected, abs=1e-5)
    assert np.ptp(found) > 1e-3


def test_texts_are_cut_to_the_maximum_length(tiny_encoder: Path, reference) -> None:
    encoder = SentenceEncoder(str(tiny_encoder), prefix="", max_length=8)
    expected = reference("a" * 60, truncation=True, max_length=8)
    np.testing.assert_allclose(encoder(examples(["a" * 60]))[0], expected, atol=1e-5)
    old, new = examples(["a" * 60, "a" * 40 + "b" * 20])
    assert encoder.similarities([(old, new)])[0] == pytest.approx(1, abs=1e-6)
    assert SentenceEncoder(str(tiny_encoder), prefix="").similarities([(old, new)])[0] < 0.9999


def test_vectors_do_not_depend_on_batch_order_or_what_is_remembered(tiny_encoder: Path, monkeypatch) -> None:
    together = SentenceEncoder(str(tiny_encoder))(examples())
    assert together.shape == (8, 16) and together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(together[0], together[7])
    shuffled = SentenceEncoder(str(tiny_encoder))(examples(TEXTS[::-1]))[::-1]
    np.testing.assert_allclose(together, shuffled, atol=1e-6)
    monkeypatch.setattr(sentences, "_REMEMBERED", 2)
    forgetful = SentenceEncoder(str(tiny_encoder))
    for _ in range(2):
        np.testing.assert_allclose(forgetful(examples()), together, atol=1e-6)
        alone = np.concatenate([forgetful([example]) for example in examples()])
        np.testing.assert_allclose(alone, together, atol=1e-6)
    monkeypatch.setattr(sentences, "_MAX_TOKENS", 1)
    np.testing.assert_allclose(SentenceEncoder(str(tiny_encoder))(examples()), together, atol=1e-6)


def test_each_text_is_encoded_once(tiny_encoder: Path, monkeypatch) -> None:
    encoder, encoded = SentenceEncoder(str(tiny_encoder)), []
    encode = encoder._encode
    monkeypatch.setattr(encoder, "_encode", lambda texts, side: encoded.append(len(texts)) or encode(texts, side))
    encoder(examples())
    encoder(examples()[::-1])
    encoder.similarities([(examples()[0], other) for other in examples()])
    assert sum(encoded) == 7


def test_of_a_pair_the_smaller_cosine_of_the_changed_sides_counts(tiny_encoder: Path, reference) -> None:
    encoder = SentenceEncoder(str(tiny_encoder), prefix="")
    changed = [Example("0", ("en", "zh"), a, 0, b) for a in ("turn it off", "turn xx off") for b in ("关掉灯", "开灯")]
    first, second = (reference(a) @ reference(b) for a, b in (("turn it off", "turn xx off"), ("关掉灯", "开灯")))
    found = encoder.similarities([(PAIR, new) for new in changed])
    np.testing.assert_allclose(found, [1, second, first, min(first, second)], atol=1e-5)
    turned = [(Example("0", "en", a.text_pair, 0, a.text), Example("0", "en", b.text_pair, 0, b.text))
              for a, b in [(PAIR, new) for new in changed]]  # fmt: skip
    np.testing.assert_allclose(encoder.similarities(turned), found, atol=1e-6)
    assert encoder.similarities([]).shape == (0,) and found[0] == 1 and abs(first - second) > 1e-4


def test_all_that_want_the_same_encoder_share_it(tiny_encoder: Path) -> None:
    shared = sentence_encoder(str(tiny_encoder), "", 64)
    assert sentence_encoder(str(tiny_encoder), "", 64) is shared is not sentence_encoder(str(tiny_encoder), "q", 64)


@pytest.mark.parametrize("language", ["en", ("en", "zh")])
def test_a_minimum_of_one_refuses_whatever_changes_a_vector(tiny_encoder: Path, language) -> None:
    victim = lambda batch: np.array([[1.0, 0.0]] * len(batch))  # noqa: E731
    example = Example("0", language, "turn it off", 0, None if language == "en" else "turn it off")
    constraint = SemanticSimilarity(minimum=1.0, encoder=str(tiny_encoder), prefix="")
    options = {"perturbation": TypoPerturbation(), "search": RandomSearch(draws=4, rate=0.3)}
    (result,) = attack([example], victim, constraints=[constraint], **options)
    assert (result.adversarial, result.queries) == (None, 1) and result.refused[0] >= 4
    lenient = SemanticSimilarity(minimum=-0.9999, encoder=str(tiny_encoder), prefix="")
    (result,) = attack([example], victim, constraints=[lenient], **options)
    assert result.adversarial is not None and (result.queries, result.refused) == (5, (0,))
    assert constraint.judge([(example, example)]).tolist() == [True] and not constraint.judge([]).shape[0]


def test_judgements_are_remembered_by_all_that_they_depend_on(tiny_encoder: Path) -> None:
    options = [{}, {"minimum": 0.8}, {"encoder": str(tiny_encoder)}, {"prefix": ""}, {"max_length": 64}]
    assert len({SemanticSimilarity(**arguments).key for arguments in options}) == len(options)
    assert SemanticSimilarity(minimum=0.9).key == SemanticSimilarity().key
    assert isinstance(SemanticSimilarity(), BatchedConstraint) and not isinstance(SemanticSimilarity(), Perturbation)

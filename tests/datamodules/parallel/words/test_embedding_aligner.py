"""Links from matrices made by hand, and word vectors against transformers alone."""

from __future__ import annotations

import random
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from xltrobust.datamodules.parallel.words.embedding_aligner import EmbeddingAligner, argmax_links, itermax_links

SOURCES = ["turn it off", "the kitchen light", "", "关掉 厨房 的 灯", "dog 7!", "a red house and an old tree"]
TARGETS = ["mach es aus", "das Licht in der Küche", "nichts", "turn off the light", "Hund?", "7"]


def direct_argmax(matrix: list[list[float]]) -> set[tuple[int, int]]:
    columns = list(zip(*matrix, strict=True))
    return {
        (i, j)
        for i, j in product(range(len(matrix)), range(len(columns)))
        if matrix[i].index(max(matrix[i])) == j and columns[j].index(max(columns[j])) == i
    }


def direct_itermax(matrix: list[list[float]], alpha: float, iterations: int) -> set[tuple[int, int]]:
    """The paper's algorithm in plain Python: weights 1, alpha or 0 for neither, one or both words aligned."""
    linked: set[tuple[int, int]] = set()
    for _ in range(iterations):
        rows, columns = {i for i, _ in linked}, {j for _, j in linked}
        weights = [
            [(0 if j in columns else alpha) if i in rows else (alpha if j in columns else 1) for j in range(len(row))]
            for i, row in enumerate(matrix)
        ]
        weighted = [[a * b for a, b in zip(*both, strict=True)] for both in zip(matrix, weights, strict=True)]
        linked |= {(i, j) for i, j in direct_argmax(weighted) if weights[i][j]}
    return linked


def test_argmax_by_hand() -> None:
    assert argmax_links(np.array([[0.1, 0.9], [0.8, 0.7]])) == [(0, 1), (1, 0)]
    assert argmax_links(np.array([[0.5, 0.9, 0.6]])) == [(0, 1)]
    assert argmax_links(np.array([[0.9], [0.95]])) == [(1, 0)]
    assert argmax_links(np.ones((2, 2))) == [(0, 0)]


def test_itermax_by_hand() -> None:
    one_to_many = np.array([[0.9, 0.1, 0.8], [0.2, 0.3, 0.1]])
    assert itermax_links(one_to_many) == [(0, 0), (0, 2), (1, 1)]
    assert itermax_links(one_to_many, iterations=1) == argmax_links(one_to_many) == [(0, 0), (1, 1)]
    # 0.85 leads to a word that has a link: less than 0.8, discounted, to one that has none.
    discounted = np.array([[0.9, 0.2], [0.85, 0.8]])
    assert itermax_links(discounted) == [(0, 0), (1, 1)]
    assert itermax_links(discounted, discount=1.0) == [(0, 0), (1, 0)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 2), (4, 4), (7, 5), (12, 12)])
def test_links_against_a_direct_computation(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    added = 0
    for _ in range(50):
        matrix = rng.random(shape)
        rows = matrix.tolist()
        assert argmax_links(matrix) == sorted(direct_argmax(rows))
        for alpha, iterations in ((0.9, 2), (0.5, 3)):
            found = itermax_links(matrix, discount=alpha, iterations=iterations)
            assert found == sorted(direct_itermax(rows, alpha, iterations))
            added += len(found) - len(argmax_links(matrix))
    assert added > 0 or shape == (1, 1)


def simalign_itermax(matrix: list[list[float]]) -> set[tuple[int, int]]:
    """What SimAlign's code does, in plain Python: two rounds, of which the second is left out in two cases."""
    linked = direct_argmax(matrix)
    rows, columns = {i for i, _ in linked}, {j for _, j in linked}
    height, width = len(matrix), len(matrix[0])
    if min(height, width) <= 2 or len(rows) == height or len(columns) == width:
        return linked
    weights = [[{0: 1.0, 1: 0.9, 2: 0.0}[(i in rows) + (j in columns)] for j in range(width)] for i in range(height)]
    weighted = [[a * b for a, b in zip(*both, strict=True)] for both in zip(matrix, weights, strict=True)]
    return linked | {(i, j) for i, j in direct_argmax(weighted) if weights[i][j]}


def test_itermax_with_early_exits_is_simaligns_and_often_another() -> None:
    rng = np.random.default_rng(1)
    other = 0
    for _ in range(1000):
        matrix = rng.random(rng.integers(1, 13, 2))
        theirs = sorted(simalign_itermax(matrix.tolist()))
        assert itermax_links(matrix, early_exits=True) == theirs
        other += itermax_links(matrix) != theirs
    assert 0.3 < other / 1000 < 0.5


def test_a_method_is_the_papers_or_simaligns(tiny_encoder: Path) -> None:
    """Of a text of two words, SimAlign leaves one out that the paper's algorithm links."""
    found = {
        name: EmbeddingAligner(encoder=str(tiny_encoder), layer=1, method=name).align(["old tree"], ["old tree house"])
        for name in ("argmax", "itermax", "itermax_simalign")
    }
    assert found["itermax_simalign"] == found["argmax"] and len(found["itermax"][0]) == len(found["argmax"][0]) + 1


@pytest.fixture(scope="module")
def vectors(tiny_encoder: Path):
    """Word vectors from transformers alone, one text at a time; words are given by where they are."""
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_encoder), AutoModel.from_pretrained(tiny_encoder).eval()

    def of(text: str, spans: list[tuple[int, int]], layer: int) -> np.ndarray:
        encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        offsets = encoded.pop("offset_mapping")[0].tolist()
        with torch.no_grad():
            hidden = model(**encoded, output_hidden_states=True).hidden_states[layer][0].double().numpy()
        # The tokenizer goes by bytes: a character's tokens are those that start where it does.
        own = [
            hidden[[at for at, (first, last) in enumerate(offsets) if start <= first < end and last > first]].mean(0)
            for start, end in spans
        ]
        return np.array([vector / np.linalg.norm(vector) for vector in own])

    return of


def spans_of(words: list[str]) -> list[tuple[int, int]]:
    starts = [sum(map(len, words[:at])) + at for at in range(len(words))]
    return [(start, start + len(word)) for start, word in zip(starts, words, strict=True)]


@pytest.mark.parametrize("layer", [0, 1])
def test_links_are_of_the_nearest_words_of_a_layer(tiny_encoder: Path, vectors, layer: int) -> None:
    rng = random.Random(0)
    pairs = [[["".join(rng.choices("abcxyz", k=4)) for _ in range(8)] for _ in range(2)] for _ in range(20)]
    texts = [[" ".join(pair[side]) for pair in pairs] for side in (0, 1)]
    found = EmbeddingAligner(encoder=str(tiny_encoder), layer=layer).align(*texts)
    for pair, links in zip(pairs, found, strict=True):
        ours, theirs = (vectors(" ".join(words), spans_of(words), layer) for words in pair)
        assert links == sorted(direct_argmax((ours @ theirs.T).tolist()))
    assert found != EmbeddingAligner(encoder=str(tiny_encoder), layer=1 - layer).align(*texts)


def test_punctuation_and_digits_are_no_words(tiny_encoder: Path, vectors) -> None:
    found = EmbeddingAligner(encoder=str(tiny_encoder), layer=1).align(["the red house"], ["Haus, das 7 rote!"])
    ours = vectors("the red house", [(0, 3), (4, 7), (8, 13)], 1)
    theirs = vectors("Haus, das 7 rote!", [(0, 4), (6, 9), (12, 16)], 1)
    assert found == [sorted(direct_argmax((ours @ theirs.T).tolist()))]


def test_equal_words_find_each_other_by_their_embeddings(tiny_encoder: Path) -> None:
    aligner = EmbeddingAligner(encoder=str(tiny_encoder), layer=1)
    text = "a red house and an old tree"
    assert aligner.align([text], [text]) == [[(n, n) for n in range(7)]]


@pytest.mark.parametrize("method", ["argmax", "itermax", "itermax_simalign"])
def test_links_do_not_depend_on_the_batch(tiny_encoder: Path, method: str, monkeypatch) -> None:
    aligner = EmbeddingAligner(encoder=str(tiny_encoder), layer=1, method=method)
    together = aligner.align(SOURCES, TARGETS)
    assert [aligner.align([source], [target])[0] for source, target in zip(SOURCES, TARGETS, strict=True)] == together
    assert [bool(own) for own in together] == [True, True, False, True, True, False]
    monkeypatch.setattr("xltrobust.datamodules.parallel.words.embedding_aligner._AT_A_TIME", 2)
    assert aligner.align(SOURCES, TARGETS) == together
    assert aligner.align([], []) == []


def test_words_beyond_the_maximum_length_have_no_links(tiny_encoder: Path) -> None:
    aligner = EmbeddingAligner(encoder=str(tiny_encoder), layer=0, max_length=10)  # eight bytes and two special tokens
    assert aligner.align(["one two three"], ["one two three"]) == [[(0, 0), (1, 1)]]


def test_settings_tell_aligners_apart(tiny_encoder: Path) -> None:
    options = [{}, {"layer": 7}, {"method": "itermax"}, {"max_length": 64}, {"encoder": str(tiny_encoder)}]
    assert len({repr(EmbeddingAligner(**own).settings()) for own in options}) == len(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "softmax"}, "Expected argument `method` to be one of .*, but got 'softmax'"),
        ({"layer": -1}, "Expected argument `layer` to be 0 or more, but got -1"),
        ({"max_length": 2}, "Expected argument `max_length` to be at least 3, but got 2"),
    ],
)
def test_arguments_are_checked(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddingAligner(**options)


def test_layers_that_the_encoder_lacks_are_refused(tiny_encoder: Path) -> None:
    with pytest.raises(ValueError, match="Expected argument `layer` to be at most 1 for .*, but got 2"):
        EmbeddingAligner(encoder=str(tiny_encoder), layer=2).align(["a"], ["b"])
    with pytest.raises(ValueError, match=r"Expected as many targets as sources \(1\), but got 0"):
        EmbeddingAligner(encoder=str(tiny_encoder), layer=1).align(["a"], [])


def test_a_directorys_other_weights_are_other_settings(tiny_encoder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(tiny_encoder, tmp_path / "encoder")
    before = EmbeddingAligner(encoder=str(copied)).settings()
    assert EmbeddingAligner(encoder=str(copied)).settings() == before
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert EmbeddingAligner(encoder=str(copied)).settings() != before

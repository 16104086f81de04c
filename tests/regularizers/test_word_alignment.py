"""The word losses against direct computation."""

from __future__ import annotations

import pytest
import torch
from regularizers.linear import term_of
from regularizers.test_sentence_alignment import make_module, pairs_batch

from xltrobust.encoders.word_vectors import word_vectors
from xltrobust.regularizers import WordAlignment
from xltrobust.regularizers.word_alignment import one_to_one_links

# Rows 0 to 3 are sources, 4 to 7 targets; tokens 1 and on are words; the word of number 3 has two translations.
WORDS = torch.tensor([[0, 1, 2], [4, 1, 3], [1, 1, 3], [1, 2, 3], [5, 1, 2], [5, 2, 3], [2, 2, 3], [6, 1, 2]])
LINKS = torch.tensor([[0, 1], [2, 4], [3, 4], [3, 5], [6, 7]])


def linked() -> tuple:
    module, batch = make_module(), pairs_batch()
    batch["pairs"] |= {"words": WORDS, "links": LINKS}
    hidden = module.embed(batch["pairs"])
    vectors = torch.stack([hidden[row, end - 1] for row, _, end in WORDS.tolist()])
    return module, batch, vectors


def test_a_words_vector_is_its_last_subwords_or_their_mean() -> None:
    hidden = torch.randn(3, 6, 4)
    words = torch.tensor([[0, 1, 2], [2, 1, 5], [1, 4, 6]])
    assert torch.equal(word_vectors(hidden, words, "last"), torch.stack([hidden[0, 1], hidden[2, 4], hidden[1, 5]]))
    mean = torch.stack([hidden[0, 1], hidden[2, 1:5].mean(0), hidden[1, 4:6].mean(0)])
    assert torch.allclose(word_vectors(hidden, words, "mean"), mean, atol=1e-6)
    assert torch.equal(word_vectors(hidden, words, "first"), torch.stack([hidden[0, 1], hidden[2, 1], hidden[1, 4]]))
    assert word_vectors(hidden, words[:0], "mean").shape == (0, 4)


def test_l2_is_the_mean_squared_distance_of_aligned_words() -> None:
    module, batch, vectors = linked()
    expected = sum(((vectors[a] - vectors[b]) ** 2).mean() for a, b in LINKS.tolist()) / len(LINKS)
    assert torch.allclose(term_of(WordAlignment(keep=0), module, batch), expected)


@pytest.mark.parametrize("loss", ["weak", "strong"])
def test_contrastive_losses_are_what_their_formula_says(loss: str) -> None:
    module, batch, vectors = linked()
    total = 0.0
    for side in (0, 1):
        for i, link in enumerate(LINKS.tolist()):
            query = vectors[link[side]]
            scores = []
            for j, other in enumerate(LINKS.tolist()):
                same = i != j and (other[0] == link[0] or other[1] == link[1])
                if not same:
                    scores.append(torch.cosine_similarity(query, vectors[other[1 - side]], dim=0) / 0.2)
                if i == j:
                    own = scores[-1]
                if loss == "strong" and other[side] != link[side]:
                    scores.append(torch.cosine_similarity(query, vectors[other[side]], dim=0) / 0.2)
            total += torch.logsumexp(torch.stack(scores), 0) - own
    found = term_of(WordAlignment(loss=loss, temperature=0.2), module, batch)
    assert torch.allclose(found, total / (2 * len(LINKS)), atol=1e-5)


@pytest.mark.parametrize("loss", ["weak", "strong"])
def test_a_text_on_both_sides_is_no_negative_of_itself(loss: str) -> None:
    """Texts 1 and 4 (a source, and the target of text 0) are one: its words 1 are each other's, in another row."""
    module, batch, _ = linked()
    words = torch.tensor([[0, 1, 2], [4, 1, 2], [1, 1, 2], [5, 1, 2], [2, 1, 2], [6, 1, 2]])
    batch["pairs"] |= {"words": words, "links": torch.tensor([[0, 1], [2, 3], [4, 5]])}
    batch["pairs"]["texts"][1] = batch["pairs"]["texts"][4]
    batch["pairs"]["input_ids"][1] = batch["pairs"]["input_ids"][4]
    hidden = module.embed(batch["pairs"])
    a, b, c, x, y, z = (hidden[row, 1] for row in (0, 1, 2, 4, 5, 6))  # b is x
    assert torch.equal(b, x)
    others = {0: [z], 1: [z], 2: [x, y]}, {0: [c], 1: [c], 2: [a, b]}  # negatives of a, b, c, and of x, y, z
    if loss == "strong":
        others = {0: [z, c], 1: [z, c], 2: [x, y, a, b]}, {0: [c, z], 1: [c, z], 2: [a, b, x, y]}
    total = torch.zeros(())
    sides = (a, b, c), (x, y, z)
    for queries, keys, negatives in ((*sides, others[0]), (*sides[::-1], others[1])):
        for at, (query, key) in enumerate(zip(queries, keys, strict=True)):
            scores = torch.stack([torch.cosine_similarity(query, own, 0) / 0.2 for own in (key, *negatives[at])])
            total = total - scores.log_softmax(0)[0]
    found = term_of(WordAlignment(loss=loss, temperature=0.2), module, batch)  # type: ignore[arg-type]
    assert torch.allclose(found, total / 6, atol=1e-5)


def test_links_one_to_one_are_of_words_that_differ_and_have_no_other() -> None:
    tokens = torch.tensor([[0, 5, 6, 7, 8, 9], [0, 5, 6, 4, 9, 9], [0, 7, 7, 8, 1, 1]])
    # "5 6" twice; "7", "7 7", "8", "9", "4"
    words = torch.tensor([[0, 1, 3], [1, 1, 3], [0, 3, 4], [2, 1, 3], [0, 4, 5], [0, 5, 6], [1, 3, 4], [2, 3, 4]])
    links = torch.tensor([[0, 1], [2, 3], [4, 6], [5, 6], [4, 7]])
    # 0-1 and 4-7 are spelt alike, 6 has two links; 4 has one left, to 6.
    assert one_to_one_links(links, words, tokens).tolist() == [[2, 3]]
    assert one_to_one_links(links[[0, 1, 2, 4]], words, tokens).tolist() == [[2, 3], [4, 6]]
    assert one_to_one_links(links[:0], words, tokens).shape == one_to_one_links(links[:0], words[:0], tokens).shape


def test_a_batch_without_links_costs_nothing() -> None:
    for loss in ("l2", "weak", "strong"):
        module, batch, _ = linked()
        batch["pairs"] |= {"words": WORDS[:0], "links": LINKS[:0]}
        term = term_of(WordAlignment(loss=loss, keep=0, one_to_one=True), module, batch)
        term.backward()
        assert term.item() == 0.0 and not module.encoder.weight.grad.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "mse"}, "`loss` to be 'l2', 'weak' or 'strong', but got 'mse'"),
        ({"subwords": "longest"}, r"`subwords` to be one of \('first', 'last', 'mean'\), but got 'longest'"),
        ({"dimensions": "max"}, r"`dimensions` to be one of \('mean', 'sum'\), but got 'max'"),
        ({"keep": -1.0}, "`keep` to be at least 0, but got -1.0"),
        ({"temperature": -1.0}, "`temperature` to be positive"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WordAlignment(**options)

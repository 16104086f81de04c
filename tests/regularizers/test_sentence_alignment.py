"""The sentence losses against direct computation, and what is no negative."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from regularizers.linear import LinearSoftmax, make_batch, term_of
from torch import Tensor

from xltrobust.regularizers import SentenceAlignment
from xltrobust.regularizers.parallel import info_nce


def pairs_batch(pairs: int = 4, seed: int = 5) -> dict:
    batch = make_batch()
    batch["pairs"] = make_batch(rows=2 * pairs, seed=seed) | {"texts": torch.arange(2 * pairs)}
    return batch


def make_module() -> LinearSoftmax:
    module = LinearSoftmax()
    module._trainer = SimpleNamespace(world_size=1)
    return module


def by_hand(sources: Tensor, targets: Tensor, temperature: float, dropped: set[tuple[int, int]] = frozenset()) -> float:
    """InfoNCE in both directions, number by number; pairs (i, j) in ``dropped`` are not negatives of each other."""
    total = 0.0
    for queries, keys in ((sources, targets), (targets, sources)):
        for i, query in enumerate(queries):
            scores = {
                j: torch.exp(torch.cosine_similarity(query, key, dim=0) / temperature).item()
                for j, key in enumerate(keys)
                if i == j or (i, j) not in dropped
            }
            total -= torch.log(torch.tensor(scores[i] / sum(scores.values()))).item()
    return total / (2 * len(sources))


def test_mse_is_the_mean_squared_difference_of_pooled_vectors() -> None:
    module, batch = make_module(), pairs_batch()
    pooled = module.pool(module.embed(batch["pairs"]), batch["pairs"])
    expected = sum(((pooled[i] - pooled[4 + i]) ** 2).mean() for i in range(4)) / 4
    assert torch.allclose(term_of(SentenceAlignment(loss="mse"), module, batch), expected)


def test_info_nce_is_what_its_formula_says() -> None:
    module, batch = make_module(), pairs_batch()
    pooled = module.pool(module.embed(batch["pairs"]), batch["pairs"])
    own = term_of(SentenceAlignment(temperature=0.2), module, batch)
    assert own.item() == pytest.approx(by_hand(pooled[:4], pooled[4:], 0.2), abs=1e-5)


def test_pairs_that_share_a_text_are_no_negatives_of_each_other() -> None:
    module, batch = make_module(), pairs_batch()
    batch["pairs"]["texts"][1] = batch["pairs"]["texts"][0]  # one source in two languages
    batch["pairs"]["texts"][7] = batch["pairs"]["texts"][6]  # one target for two sources
    pooled = module.pool(module.embed(batch["pairs"]), batch["pairs"])
    dropped = {(0, 1), (1, 0), (2, 3), (3, 2)}
    own = term_of(SentenceAlignment(temperature=0.2), module, batch).item()
    assert own == pytest.approx(by_hand(pooled[:4], pooled[4:], 0.2, dropped), abs=1e-5)
    assert own != pytest.approx(by_hand(pooled[:4], pooled[4:], 0.2), abs=1e-3)


def test_a_source_that_is_a_target_elsewhere_is_no_negative_of_itself_nor_of_its_translation() -> None:
    """Pairs of en-de and de-fr, say, with one German text."""
    module, batch = make_module(), pairs_batch()
    tokens = batch["pairs"]["input_ids"]
    batch["pairs"]["texts"][5], tokens[5] = batch["pairs"]["texts"][0].clone(), tokens[0].clone()
    pooled = module.pool(module.embed(batch["pairs"]), batch["pairs"])
    own = term_of(SentenceAlignment(temperature=0.2), module, batch).item()
    assert own == pytest.approx(by_hand(pooled[:4], pooled[4:], 0.2, {(0, 1), (1, 0)}), abs=1e-5)
    assert own != pytest.approx(by_hand(pooled[:4], pooled[4:], 0.2), abs=1e-3)


def test_two_views_of_a_text_are_each_others_positive_though_they_are_one_text() -> None:
    module, batch = make_module(), pairs_batch()
    pairs = batch["pairs"]
    pairs["texts"][4:] = pairs["texts"][:4].clone()
    pairs["texts"][[1, 5]] = 0  # one text in two pairs: no negative of itself
    pooled = module.pool(module.embed(pairs), pairs)
    own = term_of(SentenceAlignment(temperature=0.2), module, batch).item()
    assert own == pytest.approx(by_hand(pooled[:4], pooled[4:], 0.2, {(0, 1), (1, 0)}), abs=1e-5)


def test_the_classifiers_vector_can_be_what_is_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    module, batch = make_module(), pairs_batch()
    monkeypatch.setattr(module, "features", lambda pooled: torch.tanh(pooled.roll(1, 1) / 3))
    pooled = module.pool(module.embed(batch["pairs"]), batch["pairs"])
    read = module.features(pooled)
    own = SentenceAlignment(loss="mse", vector="classifier")
    assert torch.allclose(term_of(own, module, batch), ((read[:4] - read[4:]) ** 2).mean())
    assert not torch.allclose(read, pooled)
    own = SentenceAlignment(temperature=0.2, vector="classifier")
    assert term_of(own, module, batch).item() == pytest.approx(by_hand(read[:4], read[4:], 0.2), abs=1e-5)


@pytest.mark.parametrize("loss", ["mse", "info_nce"])
@pytest.mark.parametrize("stopped", [None, "source", "target"])
def test_a_stopped_side_gets_no_gradient(loss: str, stopped: str | None) -> None:
    module, batch = make_module(), pairs_batch()
    batch["pairs"]["input_ids"] = batch["pairs"]["input_ids"] % 10
    batch["pairs"]["input_ids"][4:] += 10  # sources and targets have words of their own
    term_of(SentenceAlignment(loss=loss, stop_gradient=stopped), module, batch).backward()
    gradient = module.encoder.weight.grad
    assert gradient[:10].any() == (stopped != "source") and gradient[10:].any() == (stopped != "target")


def test_the_positive_may_be_anywhere_among_the_keys() -> None:
    queries, keys = torch.randn(2, 5), torch.randn(6, 5)
    found = info_nce(queries, keys, 0.3, positives=torch.tensor([4, 5]))
    for i in range(2):
        scores = torch.cosine_similarity(queries[i][None], keys) / 0.3
        assert torch.allclose(found[i], -scores.log_softmax(0)[4 + i], atol=1e-5)


def test_a_lone_pair_costs_nothing_and_gives_no_gradient() -> None:
    module, batch = make_module(), pairs_batch(pairs=1)
    term = term_of(SentenceAlignment(), module, batch)
    term.backward()
    assert term.item() == pytest.approx(0.0, abs=1e-6) and module.encoder.weight.grad.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "l2"}, "`loss` to be 'info_nce' or 'mse', but got 'l2'"),
        ({"stop_gradient": "both"}, "`stop_gradient` to be 'source', 'target' or None, but got 'both'"),
        ({"temperature": 0.0}, "`temperature` to be positive, but got 0.0"),
        ({"pretraining_share": 1.0}, r"`pretraining_share` to be in \[0, 1\), but got 1.0"),
        ({"vector": "cls"}, "`vector` to be 'pooled' or 'classifier', but got 'cls'"),
        ({"vector": "classifier", "pretraining_share": 0.3}, "`pretraining_share` to be 0 with `vector` 'classifier'"),
        ({"weight": -1}, "`weight` to be at least 0"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentenceAlignment(**options)

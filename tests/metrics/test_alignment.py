import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group, skew

from xltrobust.metrics import retrieval
from xltrobust.metrics.alignment import alignment_figures, cosine_margin, hubness, word_alignment_figures
from xltrobust.metrics.cka import linear_cka
from xltrobust.metrics.retrieval import csls_similarity, retrieval_accuracy, word_retrieval


def draw(pairs: int = 60, width: int = 12, noise: float = 1.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs that find each other some of the time, around a common mean."""
    rng = np.random.default_rng(seed)
    source = rng.standard_normal((pairs, width)) + 0.5
    target = source + noise * rng.standard_normal((pairs, width))
    return torch.from_numpy(source).float(), torch.from_numpy(target).float()


def cosines(source: torch.Tensor, target: torch.Tensor) -> np.ndarray:
    return 1 - cdist(source.double().numpy(), target.double().numpy(), "cosine")


def csls(source: torch.Tensor, target: torch.Tensor, k: int) -> np.ndarray:
    """The definition, pair by pair."""
    similarity = cosines(source, target)
    result = np.empty_like(similarity)
    for i, row in enumerate(similarity):
        for j, column in enumerate(similarity.T):
            result[i, j] = 2 * row[j] - np.sort(row)[-k:].mean() - np.sort(column)[-k:].mean()
    return result


def hits(similarity: np.ndarray, source_groups=None, target_groups=None) -> float:
    """Share of rows whose largest similarity is right, row by row."""
    found = 0
    for i, row in enumerate(similarity):
        best = 0
        for j, value in enumerate(row):
            if value > row[best]:
                best = j
        same_source = source_groups is not None and source_groups[i] == source_groups[best]
        same_target = target_groups is not None and target_groups[i] == target_groups[best]
        found += best == i or same_source or same_target
    return found / len(similarity)


@pytest.mark.parametrize("seed", range(5))
def test_retrieval_agrees_with_a_loop(seed):
    source, target = draw(seed=seed)
    similarity = cosines(source, target)
    forward, back = retrieval_accuracy(source, target)
    assert (forward, back) == (hits(similarity), hits(similarity.T))
    assert 0.1 < forward < 0.95 and 0.1 < back < 0.95


def test_the_two_directions_are_not_mixed_up():
    source, target = torch.eye(3), torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 2, 1]])
    assert retrieval_accuracy(source, target) == pytest.approx((1, 2 / 3))
    assert retrieval_accuracy(target, source) == pytest.approx((2 / 3, 1))


@pytest.mark.parametrize("k", [1, 4, 10])
def test_csls_agrees_with_a_loop(k):
    source, target = draw(seed=k)
    expected = csls(source, target, k)
    np.testing.assert_allclose(csls_similarity(source, target, k).numpy(), expected, atol=1e-12)
    assert word_retrieval(source, target, k) == (hits(expected), hits(expected.T))


def test_csls_takes_what_a_hub_gains():
    # The first target is nearer to every source than the source's translation is.
    source, target = torch.eye(6) + 0.6, torch.eye(6)
    target[0] = torch.tensor([1.1, 1, 1, 1, 1, 1])
    assert retrieval_accuracy(source, target)[0] == pytest.approx(1 / 6)
    assert word_retrieval(source, target, k=3)[0] == 1


@pytest.mark.parametrize("k", [1, 4])
def test_margin_agrees_with_a_loop(k):
    source, target = draw(seed=3)
    # The distance form is half of CSLS, on the diagonal.
    assert cosine_margin(source, target, k) == pytest.approx(np.diag(csls(source, target, k)).mean() / 2)
    assert cosine_margin(source, target, k) > cosine_margin(source, target.roll(1, 0), k)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_hubness_agrees_with_scipy(k):
    source, target = draw(seed=k)
    nearest = np.argsort(-cosines(source, target), axis=1)[:, :k]
    occurrences = [(nearest == j).sum() for j in range(len(target))]
    assert hubness(source, target, k) == pytest.approx(skew(occurrences))


def test_hubs_are_seen_among_targets_and_not_among_sources():
    source, target = draw(300, 300, noise=0.3)
    hub = target.clone()
    hub[:5] = source.mean(0)
    assert hubness(source, hub, 5) > hubness(source, target, 5) + 3
    assert hubness(hub, source, 5) < hubness(source, hub, 5) - 3


@pytest.mark.parametrize("pairs, width, other", [(60, 12, 12), (60, 12, 7), (60, 7, 12), (10, 12, 12), (10, 30, 4)])
def test_cka_agrees_with_hsic_of_gram_matrices(pairs, width, other):
    rng = np.random.default_rng(pairs)
    x = rng.standard_normal((pairs, width)) + 2
    y = x[:, : min(width, other)] @ rng.standard_normal((min(width, other), other))
    y += rng.standard_normal(y.shape) - 1
    centring = np.eye(pairs) - 1 / pairs

    def hsic(k: np.ndarray, m: np.ndarray) -> float:
        return np.trace(k @ centring @ m @ centring) / (pairs - 1) ** 2

    k, m = x @ x.T, y @ y.T
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert linear_cka(torch.from_numpy(x), torch.from_numpy(y), debiased=False) == pytest.approx(expected, rel=1e-9)
    assert expected < 0.95


def hsic_of_quadruples(k: np.ndarray, m: np.ndarray) -> float:
    """The U-statistic itself: the mean of K_ij (M_ij + M_qr - 2 M_iq) over all i, j, q, r that are different."""
    places = itertools.permutations(range(len(k)), 4)
    return float(np.mean([k[i, j] * (m[i, j] + m[q, r] - 2 * m[i, q]) for i, j, q, r in places]))


def hsic_of_u_centred(k: np.ndarray, m: np.ndarray) -> float:
    """As Kornblith's published notebook has it: Gram matrices without diagonals, centred for N - 2."""
    centred = []
    for gram in (k.copy(), m.copy()):
        np.fill_diagonal(gram, 0)
        means = gram.sum(0) / (len(gram) - 2)
        means -= means.sum() / (2 * (len(gram) - 1))
        gram -= means[:, None] + means[None]
        np.fill_diagonal(gram, 0)
        centred.append(gram)
    return float((centred[0] * centred[1]).sum())


@pytest.mark.parametrize("pairs, width, other", [(7, 3, 5), (8, 12, 2), (6, 4, 4), (4, 2, 9)])
@pytest.mark.parametrize("hsic", [hsic_of_quadruples, hsic_of_u_centred])
def test_debiased_cka_agrees_with_the_definition(hsic, pairs, width, other):
    rng = np.random.default_rng(pairs)
    x = rng.standard_normal((pairs, width)) + 2
    y = np.resize(x, (pairs, other)) + rng.standard_normal((pairs, other))
    k, m = x @ x.T, y @ y.T
    expected = hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))
    assert linear_cka(torch.from_numpy(x), torch.from_numpy(y)) == pytest.approx(expected, abs=1e-9)
    assert abs(expected) < 0.99


def test_debiased_cka_of_unrelated_vectors_is_about_zero():
    generator = torch.Generator().manual_seed(0)
    draws = [torch.randn(2, 200, 384, generator=generator) for _ in range(20)]
    found = np.array([linear_cka(*pair) for pair in draws])
    assert abs(found.mean()) < 0.01 and np.abs(found).max() < 0.05 and found.min() < 0
    assert [linear_cka(*pair, debiased=False) for pair in draws] == pytest.approx([0.657] * 20, abs=0.02)
    # What is shared is seen at that number of pairs, and about as much as at a large one.
    few, many = (torch.randn(2, n, 384, generator=generator) for n in (200, 8000))
    shared = [linear_cka(x, x + y) for x, y in (few, many)]
    assert shared[0] == pytest.approx(shared[1], abs=0.05) and shared[1] > 0.4


def test_debiased_cka_needs_four_pairs():
    three = torch.eye(4)[:3]
    with pytest.raises(ValueError, match=r"shape \(N > 3, H\)"):
        linear_cka(three, three)
    assert linear_cka(three, three, debiased=False) == pytest.approx(1)
    assert "cka_debiased" not in alignment_figures(three, three) and "cka_debiased" in alignment_figures(*draw(4))


def test_cka_ignores_rotation_scale_and_shift_but_no_other_map():
    source, target = (each.double() for each in draw(100, 12))
    rotation = torch.from_numpy(ortho_group.rvs(12, random_state=0))
    expected = linear_cka(source, target)
    assert linear_cka(source @ rotation * 7 + 3, target) == pytest.approx(expected)
    assert linear_cka(source, target @ rotation * 0.01 - 2) == pytest.approx(expected)
    assert linear_cka(source, source @ rotation) == pytest.approx(1)
    assert linear_cka(source * torch.arange(1, 13) ** 2, target) < expected - 0.05
    assert linear_cka(source, target.roll(1, 0)) < 0.5 * expected


def test_rotating_both_sides_changes_nothing_and_rotating_one_does():
    source, target = (each.double() for each in draw(100, 12, noise=0.5))
    rotation = torch.from_numpy(ortho_group.rvs(12, random_state=1))
    before = alignment_figures(source, target) | word_alignment_figures(source, target)
    both = [3 * source @ rotation, target @ rotation]
    assert alignment_figures(*both) | word_alignment_figures(*both) == pytest.approx(before)
    one = alignment_figures(source @ rotation, target)
    assert one["retrieval"] < 0.2 < before["retrieval"] and one["margin"] < before["margin"] - 0.1
    assert one["cka_debiased"] == pytest.approx(before["cka_debiased"])


def test_vectors_at_random_are_found_by_chance():
    generator = torch.Generator().manual_seed(0)
    source, target = torch.randn(2, 2000, 64, generator=generator)
    # The number found is nearly Poisson with mean 1: more than 8 has a probability of 1e-6.
    for value in (*retrieval_accuracy(source, target), *word_retrieval(source, target)):
        assert value <= 8 / 2000
    assert linear_cka(source, target) < 0.05


@pytest.mark.parametrize("scale", [torch.ones(50), torch.linspace(0.1, 9, 50), torch.zeros(50)])
def test_vectors_that_are_all_the_same_score_nothing(scale):
    vectors = scale[:, None] * torch.randn(33, generator=torch.Generator().manual_seed(1))
    assert retrieval_accuracy(vectors, vectors) == (0, 0)
    assert word_retrieval(vectors, vectors) == (0, 0)
    assert cosine_margin(vectors, vectors) == pytest.approx(0)
    # Divided, so that the mean is rounded and what is left of the vectors is noise.
    constant = (vectors[:1].double() / 3).expand(50, -1)
    assert linear_cka(constant, constant) == linear_cka(constant, torch.eye(50)) == 0


def test_a_tie_with_a_wrong_candidate_is_a_miss_unless_they_are_one_text():
    source, target = torch.eye(4)[:3], torch.eye(4)[[0, 0, 2]]
    assert retrieval_accuracy(source, target) == pytest.approx((1 / 3, 2 / 3))
    groups = torch.tensor([5, 5, 9])
    assert retrieval_accuracy(source, target, target_groups=groups) == pytest.approx((2 / 3, 1))
    # The same from the other side.
    assert retrieval_accuracy(target, source) == pytest.approx((2 / 3, 1 / 3))
    assert retrieval_accuracy(target, source, source_groups=groups) == pytest.approx((1, 2 / 3))


def test_two_translations_of_one_text_are_both_right():
    source, target = torch.eye(3)[[0, 0, 2]], torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 1]])
    groups = torch.tensor([0, 0, 1])
    assert retrieval_accuracy(source, target) == pytest.approx((2 / 3, 1 / 3))
    assert retrieval_accuracy(source, target, source_groups=groups) == (1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_groups_agree_with_a_loop(seed):
    source, target = draw(noise=1.5, seed=seed)
    rng = np.random.default_rng(seed)
    ids = {"source_groups": rng.integers(0, 15, 60), "target_groups": rng.integers(0, 15, 60)}
    for names in (["source_groups"], ["target_groups"], list(ids)):
        given = {name: ids[name] for name in names}
        tensors = {name: torch.from_numpy(each) for name, each in given.items()}
        for function, similarity in (
            (retrieval_accuracy, cosines(source, target)),
            (word_retrieval, csls(source, target, 10)),
        ):
            expected = hits(similarity, **given), hits(similarity.T, **given)
            assert function(source, target, **tensors) == expected
            assert expected != function(source, target)


@pytest.mark.parametrize("block", [1, 60, 7 * 60, 59 * 60])
def test_blocks_give_what_the_whole_gives(monkeypatch, block):
    source, target = draw()
    groups = {"source_groups": torch.arange(60) // 2, "target_groups": torch.arange(60) % 20}
    whole = alignment_figures(source, target, **groups) | word_alignment_figures(source, target, **groups)
    monkeypatch.setattr(retrieval, "_BLOCK", block)
    rows = [part.shape[0] for _, part in retrieval.cosine_blocks(source, target)]
    assert sum(rows) == 60 and max(rows) == max(1, block // 60)
    parts = alignment_figures(source, target, **groups) | word_alignment_figures(source, target, **groups)
    assert parts == pytest.approx(whole, abs=1e-12)


def test_a_large_k_is_all_but_one():
    source, target = draw(8)
    for function in (word_retrieval, cosine_margin, hubness):
        assert function(source, target, 100) == function(source, target, 7)
    assert torch.equal(csls_similarity(source, target, 8), csls_similarity(source, target, 7))
    assert cosine_margin(source, target, 7) != cosine_margin(source, target, 6)


def test_half_precision_is_computed_in_full():
    source, target = (each.bfloat16() for each in draw(200, 64, noise=0.1))
    # Far from the origin cosines differ in digits that bfloat16 does not have.
    exact = alignment_figures(source.double() + 64, target.double() + 64)
    rounded = (source.double() + 64).float(), (target.double() + 64).float()
    assert alignment_figures(*rounded)["retrieval"] == exact["retrieval"] > 0.9
    assert alignment_figures(source, target) == alignment_figures(source.double(), target.double())


def test_no_gradient_is_kept_and_nothing_is_changed():
    source, target = draw()
    before = source.clone(), target.clone()
    figures = alignment_figures(source.requires_grad_(), target) | word_alignment_figures(source, target)
    assert all(type(value) is float for value in figures.values())
    assert list(figures) == [
        *("retrieval", "retrieval_back", "margin", "hubness", "cka_debiased"),
        *("word_retrieval", "word_retrieval_back"),
    ]
    assert not csls_similarity(source, target).requires_grad
    assert torch.equal(source, before[0]) and torch.equal(target, before[1])


@pytest.mark.parametrize(
    "function", [retrieval_accuracy, csls_similarity, word_retrieval, cosine_margin, hubness, linear_cka]
)
def test_what_is_no_set_of_pairs_is_refused(function):
    good = torch.eye(4)
    for source, target in ((good[:3], good), (good[0], good[0]), (good[:1], good[:1]), (good[None], good[None])):
        with pytest.raises(ValueError, match="Expected arguments `source` and `target` to have"):
            function(source, target)
    for value in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="Expected argument `target` to be finite"):
            function(good, good.where(good == 0, value))


def test_widths_have_to_agree_where_cosines_are_taken():
    with pytest.raises(ValueError, match="one shape"):
        retrieval_accuracy(torch.eye(4), torch.eye(4)[:, :3])


def test_a_wrong_k_and_wrong_groups_are_refused():
    source, target = draw()
    for function in (csls_similarity, word_retrieval, cosine_margin, hubness):
        with pytest.raises(ValueError, match="Expected argument `k` to be at least 1, but got 0"):
            function(source, target, 0)
    for name in ("source_groups", "target_groups"):
        for groups in (torch.arange(59), torch.zeros(60), torch.zeros(60, 1, dtype=torch.long)):
            with pytest.raises(ValueError, match=f"Expected argument `{name}` to be integers of shape"):
                retrieval_accuracy(source, target, **{name: groups})

import numpy as np
import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from xltrobust.regularizers import procrustes
from xltrobust.regularizers.procrustes import fit_rotation, orthogonal_map


def draw(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, width)))


def rotation_of(width: int, seed: int = 0, reflect: bool = False) -> torch.Tensor:
    matrix = ortho_group.rvs(width, random_state=seed)
    if (np.linalg.det(matrix) < 0) != reflect:
        matrix[0] *= -1
    return torch.from_numpy(matrix)


def assert_orthogonal(matrix: torch.Tensor, atol: float = 1e-12) -> None:
    torch.testing.assert_close(matrix.T @ matrix, torch.eye(len(matrix), dtype=matrix.dtype), atol=atol, rtol=0)


@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize("rows", [16, 200])
def test_a_known_map_is_found(rows, reflect):
    source, known = draw(rows, 16), rotation_of(16, reflect=reflect)
    found = orthogonal_map(source, 3 * source @ known)
    torch.testing.assert_close(found, known, atol=1e-10, rtol=0)
    assert torch.linalg.det(found).item() == pytest.approx(-1 if reflect else 1)


@pytest.mark.parametrize("rows", [1, 5, 16, 300])
@pytest.mark.parametrize("seed", range(3))
def test_no_orthogonal_map_does_better(rows, seed):
    source = draw(rows, 16, seed)
    target = source @ rotation_of(16, seed) + 0.7 * draw(rows, 16, seed + 10)
    found = orthogonal_map(source, target)
    assert_orthogonal(found)
    reference, _ = orthogonal_procrustes(source.numpy(), target.numpy())
    error, least = ((source @ each - target).norm().item() for each in (found, torch.from_numpy(reference)))
    assert error == pytest.approx(least, rel=1e-10)
    if rows >= 16:
        torch.testing.assert_close(found, torch.from_numpy(reference), atol=1e-9, rtol=0)
    assert error < (source - target).norm()


def test_what_no_pair_shows_stays_where_it_is():
    # A rotation within the first three of ten axes is seen; no pair has anything in the others.
    known = torch.eye(10, dtype=torch.float64)
    known[:3, :3] = rotation_of(3)
    source = torch.nn.functional.pad(draw(20, 3), (0, 7))
    torch.testing.assert_close(orthogonal_map(source, source @ known), known, atol=1e-10, rtol=0)
    nothing = torch.zeros(4, 10)
    torch.testing.assert_close(orthogonal_map(nothing, nothing), torch.eye(10), atol=1e-6, rtol=0)


def test_few_pairs_give_the_minimum_that_is_nearest_to_the_identity():
    source, target = draw(4, 12), draw(4, 12, 1)
    found = orthogonal_map(source, target)
    reference = torch.from_numpy(orthogonal_procrustes(source.numpy(), target.numpy())[0])
    left, _, right = torch.linalg.svd(source.T @ target)
    for seed in range(20):
        # Any orthogonal map of the open directions gives another minimum.
        other = left[:, :4] @ right[:4] + left[:, 4:] @ rotation_of(8, seed) @ right[4:]
        assert (source @ other - target).norm() == pytest.approx((source @ found - target).norm().item())
        assert found.trace() > other.trace()
    assert found.trace() > reference.trace() - 1e-9


def test_the_order_of_pairs_and_the_rows_taken_at_a_time_do_not_matter(monkeypatch):
    source, target = draw(5, 8), draw(5, 8, 1)
    whole = fit_rotation(source, target, centre=True)
    assert torch.equal(whole.matrix, fit_rotation(source, target, centre=True).matrix)
    monkeypatch.setattr(procrustes, "_ROWS", 2)
    order = torch.tensor([3, 0, 4, 1, 2])
    parts = fit_rotation(source[order], target[order], centre=True)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=0)


def test_centring_undoes_a_shift_that_a_rotation_cannot():
    source, known = draw(100, 8) + 4, rotation_of(8)
    target = source @ known - 9
    rotation = fit_rotation(source, target, centre=True)
    torch.testing.assert_close(rotation.matrix, known, atol=1e-10, rtol=0)
    torch.testing.assert_close(rotation.source_mean, source.mean(0))
    torch.testing.assert_close(rotation.target_mean, target.mean(0))
    torch.testing.assert_close(rotation.apply(source), target)
    torch.testing.assert_close(rotation.apply(source.reshape(4, 25, 8)), target.reshape(4, 25, 8))
    plain = fit_rotation(source, target)
    assert torch.equal(plain.matrix, orthogonal_map(source, target))
    assert not plain.source_mean.any() and not plain.target_mean.any()
    torch.testing.assert_close(plain.apply(source), source @ plain.matrix)
    assert (plain.apply(source) - target).norm() > 1


@pytest.mark.parametrize("given, returned", [("float16", "float32"), ("float32", "float32"), ("float64", "float64")])
def test_the_map_is_at_least_of_single_precision(given, returned):
    source = draw(100, 16).to(getattr(torch, given)).requires_grad_()
    rotation = fit_rotation(source, source.roll(1, 1), centre=True)
    assert {each.dtype for each in rotation} == {getattr(torch, returned)}
    assert not any(each.requires_grad for each in rotation)
    assert_orthogonal(rotation.matrix, atol=1e-6)
    expected = torch.eye(16, dtype=rotation.matrix.dtype).roll(1, 1)
    torch.testing.assert_close(rotation.matrix, expected, atol=1e-6, rtol=0)


def test_what_cannot_be_mapped_is_refused():
    good = torch.eye(3)
    for source, target in ((good, good[:2]), (good, good[:, :2]), (good[0], good[0]), (good[:0], good[:0])):
        with pytest.raises(ValueError, match=r"Expected arguments `source` and `target` to have one shape \(N > 0"):
            orthogonal_map(source, target)
    for value in (torch.nan, torch.inf):
        bad = good.where(good == 0, value)
        with pytest.raises(ValueError, match="Expected argument `source` to be finite"):
            fit_rotation(bad, good)
        with pytest.raises(ValueError, match="Expected argument `target` to be finite"):
            fit_rotation(good, bad)

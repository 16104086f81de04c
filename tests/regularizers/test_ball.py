"""Perturbations stay in their ball, point uphill, and are drawn as they say, each for its own example."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy import stats

from xltrobust.regularizers import Ball

BALLS = [Ball(norm=norm, scope=scope) for norm, scope in itertools.product(("l2", "linf"), ("token", "example"))]
MASK = torch.tensor([[0, 1, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0]]).bool()
HIDDEN = 8
names = pytest.mark.parametrize("ball", BALLS, ids=lambda ball: f"{ball.norm}-{ball.scope}")


@names
def test_projection_is_the_nearest_point_of_the_ball(ball: Ball) -> None:
    torch.manual_seed(0)
    far, near = 3 * torch.randn(4, 6, HIDDEN), 1e-3 * torch.randn(4, 6, HIDDEN)
    projected = ball.project(far, 0.7)
    assert (ball.size(projected) <= 0.7 * (1 + 1e-6)).all()
    assert torch.equal(ball.project(near, 0.7), near)
    for _ in range(200):  # no point of the ball is nearer
        other = ball.project(projected + 0.1 * torch.randn_like(projected), 0.7)
        distance = [(far - own).square().sum((-2, -1)) for own in (projected, other)]
        assert (distance[0] <= distance[1] + 1e-4).all()


@names
def test_direction_is_the_steepest(ball: Ball) -> None:
    torch.manual_seed(0)
    gradient = torch.randn(4, 6, HIDDEN) * torch.tensor([1.0, 1e-25, 1e-3, 1e20])[:, None, None]
    direction = ball.direction(gradient)
    assert torch.allclose(ball.size(direction), torch.ones(()))
    rise = (direction.double() * gradient.double()).sum((-2, -1))
    for _ in range(200):
        other = ball.direction(torch.randn_like(gradient))
        assert ((other.double() * gradient.double()).sum((-2, -1)) < rise).all()
    assert not ball.direction(torch.zeros_like(gradient)).any()


def test_a_largest_coordinates_step_is_proportional_to_the_gradient() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(4, 6, HIDDEN) * torch.tensor([1.0, 1e-25, 1e-3, 1e20])[:, None, None]
    for scope, dims in (("token", (2,)), ("example", (1, 2))):
        ball = Ball(norm="linf", scope=scope, linf_step="largest")  # type: ignore[arg-type]
        direction = ball.direction(gradient)
        assert torch.allclose(direction, gradient / gradient.abs().amax(dims, keepdim=True))
        assert torch.allclose(direction.abs().amax(dims), torch.ones(())) and torch.isfinite(direction).all()
    assert torch.equal(Ball(norm="linf").direction(gradient), gradient.sign())
    assert torch.equal(Ball(linf_step="largest").direction(gradient), Ball().direction(gradient))  # L2 has one


@names
@pytest.mark.parametrize("distribution", ["uniform", "gaussian"])
def test_noise_is_each_examples_own(ball: Ball, distribution: str) -> None:
    noise = ball.draw(distribution, 0.5, MASK, HIDDEN, [1, 2, 3, 4])
    assert not noise[~MASK].any() and noise[MASK].all()
    order = [3, 0, 1]
    wider = torch.cat([MASK, torch.zeros(4, 3, dtype=torch.bool)], 1)
    moved = ball.draw(distribution, 0.5, wider[order], HIDDEN, [4, 1, 2])
    assert torch.equal(moved[:, :6], noise[order])
    assert not torch.equal(ball.draw(distribution, 0.5, MASK, HIDDEN, [5, 2, 3, 4])[0], noise[0])


@names
def test_uniform_noise_fills_the_ball_evenly(ball: Ball) -> None:
    """In d dimensions (norm / radius)^d is uniform; in a cube every coordinate is."""
    count, tokens = 3000, 2
    mask = torch.ones(count, tokens, dtype=torch.bool)
    noise = ball.draw("uniform", 0.5, mask, HIDDEN, range(count))
    assert (ball.size(noise) <= 0.5 * (1 + 1e-6)).all()
    if ball.norm == "linf":
        assert stats.kstest(noise.flatten() / 0.5, stats.uniform(-1, 2).cdf).pvalue > 0.001
        return
    dimensions = HIDDEN * (tokens if ball.scope == "example" else 1)
    volumes = (ball.size(noise).flatten().double() / 0.5) ** dimensions
    assert stats.kstest(volumes, "uniform").pvalue > 0.001
    # A point on the surface would be too far out.
    assert stats.kstest(volumes ** (1 / dimensions), "uniform").pvalue < 1e-6
    assert abs(noise.mean()) < 0.002


@pytest.mark.parametrize(
    ("ball", "deviation"),
    [
        (Ball(), 0.5 / math.sqrt(HIDDEN)),
        (Ball(scope="example"), 0.5 / math.sqrt(2 * HIDDEN)),
        (Ball(norm="linf"), 0.5),
    ],
)
def test_gaussian_noise_has_its_deviation(ball: Ball, deviation: float) -> None:
    noise = ball.draw("gaussian", 0.5, torch.ones(3000, 2, dtype=torch.bool), HIDDEN, range(3000))
    assert stats.kstest(noise.flatten(), stats.norm(0, deviation).cdf).pvalue > 0.001


def test_radius_is_relative_and_rises() -> None:
    assert Ball(epsilon=0.2, relative=False).radius(scale=3.0, progress=0.0) == 0.2
    ball = Ball(epsilon=0.2, warmup=0.5)
    assert [ball.radius(3.0, progress) for progress in (0, 0.25, 0.5, 1)] == pytest.approx([0, 0.3, 0.6, 0.6])


@pytest.mark.parametrize(
    ("option", "value"),
    [("epsilon", -1), ("epsilon", math.inf), ("warmup", 2), ("norm", "l1"), ("scope", "word"), ("linf_step", "max")],
)
def test_bad_arguments_are_named(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"Expected argument `{option}`"):
        Ball(**{option: value})  # type: ignore[arg-type]

"""Shuffled pairs: everybody has another's translation, and nobody has one of its own by chance."""

from __future__ import annotations

import numpy as np
import pytest

from xltrobust.datamodules.parallel.prepared import apart


@pytest.mark.parametrize("seed", range(20))
def test_no_source_gets_a_target_that_it_has_somewhere(seed: int) -> None:
    # Few texts, in many pairs: "save" has three translations, each of which translates others too.
    rng = np.random.default_rng(seed)
    sources = [f"s{number}" for number in rng.integers(0, 30, 120)]
    targets = [f"t{int(source[1:]) // 2 + rng.integers(0, 3)}" for source in sources]
    true = set(zip(sources, targets, strict=True))
    partners = apart(sources, targets, np.random.default_rng(seed))
    assert sorted(partners.tolist()) == list(range(120))
    assert not true & {(source, targets[at]) for source, at in zip(sources, partners, strict=True)}
    assert partners.tolist() != apart(sources, targets, np.random.default_rng(seed + 1)).tolist()


def test_what_cannot_be_parted_stays() -> None:
    assert apart(["a"], ["b"], np.random.default_rng(0)).tolist() == [0]
    assert sorted(apart(["a", "a"], ["b", "c"], np.random.default_rng(0)).tolist()) == [0, 1]

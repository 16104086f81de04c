"""Counts are over the items that all runs have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xltrobust.errors import UserError
from xltrobust.statistics.counts import count_examples
from xltrobust.statistics.examples import Examples


def table(rows: list[tuple[str, int, str, str, str, int]]) -> Examples:
    frame = pd.DataFrame(rows, columns=["cell", "seed", "language", "item", "group", "correct"])
    frame = frame.assign(condition="clean", queries=None, arm=frame["cell"])
    return Examples(frame, ("arm",), "en")


def test_counts_by_run_group_and_language() -> None:
    rows = []
    for cell in ("b", "a"):
        for seed in (1, 0):
            for language in ("en", "fr", "de"):
                rows += [(cell, seed, language, f"i{at}", f"g{at // 2}", int(at > seed)) for at in range(6)]
    rows.append(("a", 0, "de", "i9", "g9", 1))  # the other runs lack it
    found = count_examples(table(rows), "clean")
    assert found.runs == [("b", 0), ("b", 1), ("a", 0), ("a", 1)] and found.languages == ["de", "fr"]
    assert found.left_out == 1 and (found.of == 2).all() and found.of.shape == (3, 2)
    np.testing.assert_array_equal(found.correct[:, :, 0], [[1, 2, 2], [0, 2, 2]] * 2)
    np.testing.assert_allclose(found.means, [5 / 6, 4 / 6] * 2)
    assert found.only(["a"]).runs == [("a", 0), ("a", 1)] and found.seeds("a") == [0, 1]
    assert count_examples(table(rows), "clean", ["a"]).cells == ["a"]


def test_what_cannot_be_counted_is_told() -> None:
    rows = [("a", 0, "de", "i0", "g", 1), ("b", 0, "de", "i1", "g", 1)]
    with pytest.raises(UserError, match="clean: no item that all 2 runs were tested on"):
        count_examples(table(rows), "clean")
    with pytest.raises(UserError, match="no cell 'c' in the study; there are a, b"):
        count_examples(table(rows), "clean", ["c"])
    other = [("a", 0, "de", "i0", "g", 1), ("b", 0, "de", "i0", "h", 1)]
    with pytest.raises(UserError, match="an item belongs to different groups"):
        count_examples(table(other), "clean")

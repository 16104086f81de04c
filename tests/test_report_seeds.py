"""Methods over seeds: means by hand, intervals that know of both spreads, and one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from test_report import write_run

from xltrobust.errors import UserError
from xltrobust.metrics.bootstrap import Interval
from xltrobust.report.seeds import differences, estimates, main, read_method, with_seeds

SHIFTS = {"base": (0, 1, 2), "better": (3, 3, 4), "same": (2, 1, 0)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three methods of three seeds; a shift of one is one more of 40 right in every language."""
    folder = tmp_path_factory.mktemp("methods")
    for method, shifts in SHIFTS.items():
        for seed, shift in enumerate(shifts):
            passes = {"forwards_tokens": 10, "train_tokens": 2, "plain_passes": 5.0 + seed}
            write_run(folder / method / f"seed-{seed}", shift=shift, seed=seed, passes=passes)
    return folder


def test_means_and_differences_by_hand(folder: Path) -> None:
    base, better = (read_method(folder / name, "test") for name in ("base", "better"))
    own = estimates(base, "clean")
    assert own["de"].value == pytest.approx((32 + 1) / 40) and own["zh-CN"].value == pytest.approx((28 + 1) / 40)
    assert own["avg"].value == pytest.approx(31 / 40) and own["transfer_gap"].value == pytest.approx(6 / 40)
    assert own["avg"].groups == 40  # pairs of examples in two languages: seeds add none
    change = differences(better, base, "clean")
    assert change["avg"].value == pytest.approx(np.mean([3, 2, 2]) / 40)
    assert change["avg"].excludes_zero
    # Seeds that go up, stay and go down by two: the mean is 0, and the interval holds what Student gives them.
    still = differences(read_method(folder / "same", "test"), base, "clean")["avg"]
    assert still.value == pytest.approx(0) and not still.excludes_zero
    by_seed = np.array([2, 0, -2]) / 40
    assert still.high >= stats.t.interval(0.95, 2, 0, stats.sem(by_seed))[1] - 1e-9


def test_intervals_cover_with_both_spreads() -> None:
    """Means of three seeds that share their test examples: 95 % of intervals hold the truth, of narrow ones fewer."""
    rng = np.random.default_rng(0)
    held = narrow = 0
    for _ in range(2000):
        error = rng.normal(0, 0.02)  # of the test examples, which all seeds share
        seeds = 0.5 + error + rng.normal(0, 0.02, 3)
        pooled = Interval(
            float(seeds.mean()), float(seeds.mean() - 1.96 * 0.02), float(seeds.mean() + 1.96 * 0.02), 9, 9
        )
        both = with_seeds(pooled, seeds.tolist())
        held += both.low <= 0.5 <= both.high
        narrow += pooled.low <= 0.5 <= pooled.high
    assert held / 2000 > 0.94 and narrow / 2000 < 0.94


def test_the_command_writes_what_it_prints(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder / name) for name in SHIFTS] + ["--output", str(tmp_path / "tables.md")])
    text = capsys.readouterr().out
    assert (tmp_path / "tables.md").read_text(encoding="utf8") == text
    assert "| base | 3 | 6.00 | 77.5 [" in text and "| better | 3 | 6.00 | 83.3 [" in text
    assert "## typos: accuracy in % and differences" in text and "## Every run" in text
    assert "| same | 1 | 77.5 |" in text


def test_what_is_wrong_is_said_in_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished run in it"):
        read_method(tmp_path, "test")
    for name in ("one", "two"):
        write_run(tmp_path / "twice" / name, seed=7)
    with pytest.raises(UserError, match="two runs of seed 7: one and two"):
        read_method(tmp_path / "twice", "test")
    write_run(tmp_path / "other" / "seed-9", seed=9)
    with pytest.raises(UserError, match="other and base have no seed in common"):
        differences(read_method(tmp_path / "other", "test"), read_method(folder / "base", "test"), "clean")

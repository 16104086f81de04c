"""Methods over seeds: means by hand, intervals that know of both spreads, and one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_runs import rewrite, write_run
from scipy import stats

from xltrobust.errors import UserError
from xltrobust.metrics.bootstrap import Interval
from xltrobust.report.contents import method_contents
from xltrobust.report.methods import read_method, read_methods
from xltrobust.report.over_seeds import (
    IntervalParts,
    compare_methods,
    differences,
    estimates,
    interval_parts,
    with_seeds,
)
from xltrobust.report.placing import placed
from xltrobust.report.seeds import main
from xltrobust.report.tables.base import Table

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


def tables(paths: list[Path]) -> tuple[list[Table], list[str]]:
    """The tables of a comparison of methods, and its notes."""
    comparison = compare_methods(read_methods(paths, "test"))
    return [block for _, block in method_contents(comparison) if isinstance(block, Table)], comparison.notes


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
    assert (
        "## typos: accuracy in % and differences, on the examples and languages that all methods share; " in text
        and "## Every run" in text
    )
    assert "| same | 1 | 77.5 |" in text


def test_what_trainings_cost_stands_beside_their_accuracy(tmp_path: Path) -> None:
    for seed in (0, 1):
        passes = {"plain_passes": 5.0, "task_steps": 1200 + seed, "task_examples": 32 * (1200 + seed)}
        pairs = {"visited": 4000, "distinct": 2000, "of": 2000, "hash": "a" * 64}
        write_run(tmp_path / "plain" / f"seed-{seed}", seed=seed, passes=passes, pairs=None)
        write_run(tmp_path / "aligned" / f"seed-{seed}", seed=seed, passes=passes, pairs=pairs)
        write_run(tmp_path / "old" / f"seed-{seed}", seed=seed)
    overview = tables([tmp_path / name for name in ("plain", "aligned", "old")])[0][0]
    names = ["passes", "task steps", "task examples", "pairs visited", "different pairs"]
    assert [name for name, _ in overview.columns[2:7]] == names
    task = ["5.00", "1,200", "38,416"]
    assert [row[2:7] for row in overview.rows] == [[*task, "", ""], [*task, "4,000", "2,000"], [""] * 5]


def test_methods_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for group, shift in (("a", 0), ("b", 3)):
        write_run(tmp_path / group / "plain" / "seed-0", shift=shift, seed=0)
    main([str(tmp_path / group / "plain") for group in "ab"])
    text = capsys.readouterr().out
    assert "| a/plain | 1 |  | 75.0 [" in text and "| b/plain | 1 |  | 82.5 [" in text
    assert "to a/plain" in text and "| a/plain | 0 | 75.0 |" in text and "| b/plain | 0 | 82.5 |" in text
    with pytest.raises(UserError, match="expected different folders"):
        main([str(tmp_path / "a" / "plain"), str(tmp_path / "b" / ".." / "a" / "plain")])


def test_a_condition_that_a_method_lacks_is_blank(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        write_run(tmp_path / "unattacked" / f"seed-{seed}", seed=seed, attacks=())
        write_run(tmp_path / "partly" / f"seed-{seed}", seed=seed, attacks=("typos",) if seed else ())
    for first, later in (("base", "unattacked"), ("unattacked", "base")):
        paths = [
            next(parent / name for parent in (folder, tmp_path) if (parent / name).exists()) for name in (first, later)
        ]
        (overall, *_), notes = tables(paths)
        places = [at for at, (name, _) in enumerate(overall.columns) if name == "typos"]
        row = next(row for row in overall.rows if row[0] == "unattacked")
        assert [row[at] for at in (places[0], places[0] + 1)] == ["", ""]
        assert next(row for row in overall.rows if row[0] == "base")[places[0]].interval.value == 0.5
        assert "unattacked has no results for typos: its cells are empty." in notes
    main([str(folder / "base"), str(tmp_path / "partly")])
    text = capsys.readouterr().out
    assert "- partly has no results for typos in seed 0: its cells are empty." in text
    assert "- partly has no results for words: its cells are empty." in text


def test_pairs_are_of_equal_texts(folder: Path, tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / "other" / f"seed-{seed}", seed=seed)
        rewrite(tmp_path / "other" / f"seed-{seed}", lambda rows: rows.assign(text=rows["text"] + " now"))
    (overall, *_), notes = tables([folder / "base", tmp_path / "other"])
    assert overall.rows[1][3:5] == ["", ""] and overall.rows[0][3].interval.value == pytest.approx(31 / 40)
    assert "clean: other has no examples in common with the others." in notes


def test_averages_and_differences_are_over_the_same(folder: Path, tmp_path: Path) -> None:
    # Without the worst of its languages, and on half of the others, a method would look better than it is.
    for seed in range(3):
        path = write_run(tmp_path / "few" / f"seed-{seed}", seed=seed, languages=("en", "de"))
        rewrite(path, lambda rows: rows[(rows["language"] == "en") | (rows["id"].astype(int) < 20)])
    (overall, clean, *_), notes = tables([folder / "base", tmp_path / "few"])
    values = [overall.rows[0][3].interval.value, *(cell.interval.value for cell in overall.rows[1][3:5])]
    assert values == pytest.approx([1, 1, 0])
    assert [row[0] for row in clean.rows] == ["de", "en", "avg", "avg_all", "transfer_gap"]
    assert overall.columns[3] == ("clean", "avg (targets), n = 20–40")
    assert (
        "clean: compared on the examples and languages that all methods have; left out over all seeds: 180 of base."
        in notes
    )


def test_beside_attacks_stands_clean_accuracy_on_their_examples(folder: Path) -> None:
    (overall, _, typos, *_), _ = tables([folder / "base", folder / "same"])
    at = next(at for at, (name, _) in enumerate(overall.columns) if name == "typos")
    # All of the first 20 of 40 are right before the attack, and half of them under it.
    assert overall.rows[0][at].value == "100.0 → 50.0" and overall.columns[at][1] == "avg (targets), n = 20"
    assert typos.rows[0][1].value == "100.0 → 50.0" and "→" in typos.title


def test_the_worst_of_other_attacks_is_left_out(folder: Path, tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path / "otherwise" / f"seed-{seed}", seed=seed, attacks=("typos", "swaps"))
    (overall, *_), notes = tables([folder / "base", tmp_path / "otherwise"])
    at = next(at for at, (name, _) in enumerate(overall.columns) if name == "worst")
    assert overall.rows[1][at : at + 2] == ["", ""] and overall.rows[0][at] != ""
    assert "worst of otherwise is left out: it was attacked by other attacks." in notes


def test_what_holds_of_all_contrasts_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder / name) for name in SHIFTS])
    text = capsys.readouterr().out
    assert "- Differences: All are to the same runs of base, so chance in that baseline affects each of them." in text
    assert "Languages are treated as fixed" in text and "no correction for multiple comparisons" in text
    main([str(folder / "base")])
    assert "Languages are treated as fixed" not in capsys.readouterr().out


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


def test_parts_of_an_interval_by_hand(folder: Path) -> None:
    parts = interval_parts(read_method(folder / "base", "test"), "clean")
    assert parts is not None and parts.seeds == pytest.approx((30 / 40, 31 / 40, 32 / 40))
    assert parts.deviation == pytest.approx(1 / 40)
    assert parts.of_seeds == pytest.approx(stats.t.ppf(0.975, 2) / 40 / np.sqrt(3))
    assert parts.of_one_more_seed == pytest.approx(stats.t.ppf(0.975, 2) / 40 * np.sqrt(4 / 3))
    assert parts.of_examples == pytest.approx((parts.examples.high - parts.examples.low) / 2) and parts.of_examples > 0
    assert parts.both == estimates(read_method(folder / "base", "test"), "clean")["avg"]


def test_prediction_intervals_hold_one_more_seed() -> None:
    """19 of 20 further seeds are within the interval, and fewer within that of the mean, which is not about them."""
    rng = np.random.default_rng(0)
    held = narrow = 0
    for _ in range(2000):
        *seeds, further = rng.normal(0.5, 0.02, 6).tolist()
        parts = IntervalParts(Interval(float(np.mean(seeds)), 0.4, 0.6, 9, 9), tuple(seeds))
        assert parts.of_one_more_seed and parts.of_seeds
        held += abs(further - parts.examples.value) <= parts.of_one_more_seed
        narrow += abs(further - parts.examples.value) <= parts.of_seeds
    assert 0.935 < held / 2000 < 0.965 and narrow / 2000 < 0.85


def test_a_run_is_placed_among_those_of_other_seeds(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(shift: int) -> list[str]:
        run = write_run(tmp_path / f"run-{shift}", shift=shift, seed=9)
        main([str(folder / "base"), "--place", str(run)])
        return capsys.readouterr().out.splitlines()

    first, *others = lines(shift=2)
    assert first == (
        "clean, mean of the targets: 80.0 %. 3 runs of other seeds: 77.5 % on average, 75.0 to 80.0; 19 of 20 more are "
        "expected at 65.1 to 89.9 %: this one is among them."
    )
    assert others and all(line.startswith("under ") for line in others)
    assert "THIS ONE IS OUTSIDE" in lines(shift=8)[0]
    with pytest.raises(UserError, match="there is one run; a spread takes at least two"):
        write_run(tmp_path / "alone" / "seed-0", seed=0)
        placed(tmp_path / "run-2", tmp_path / "alone", "test")
    with pytest.raises(UserError, match="name one METHOD"):
        main([str(folder / "base"), str(folder / "same"), "--place", str(tmp_path / "run-2")])

import numpy as np
import pytest

from xltrobust.datamodules.parallel.arrow import column, copy_rows, open_pairs, write_pairs
from xltrobust.datamodules.parallel.sources.base import SentencePair


def numbered(count: int) -> list[tuple[SentencePair, int]]:
    return [(SentencePair(f"text {i} 灯", f"Text {i} 👩‍👧", "en", "de"), i % 3) for i in range(count)]


def write(pairs, path):
    return [list(batch) for batch in write_pairs(pairs, path)]


@pytest.mark.parametrize("count", [0, 1, 9_999, 10_000, 10_001, 25_000])
def test_what_was_written_is_read(tmp_path, count):
    pairs = numbered(count)
    batches = write(pairs, tmp_path / "a.arrow")
    rows = [(pair.source, pair.target, group) for pair, group in pairs]
    assert sum(batches, []) == rows
    assert all(len(batch) <= 10_000 for batch in batches)
    data = open_pairs(tmp_path / "a.arrow")
    assert len(data) == count
    assert list(zip(data["source"], data["target"], data["group"], strict=True)) == rows
    assert data["length"] == [len(source) + len(target) for source, target, _ in rows]


def test_columns_of_numbers(tmp_path):
    write(numbered(10_005), tmp_path / "a.arrow")
    data = open_pairs(tmp_path / "a.arrow")
    assert np.array_equal(column(data, "group"), np.arange(10_005) % 3)
    write([], tmp_path / "b.arrow")
    assert len(column(open_pairs(tmp_path / "b.arrow"), "group")) == 0


@pytest.mark.parametrize(
    "rows", [[], [0], [24_999], [3, 9_999, 10_000, 10_001, 20_000], list(range(25_000)), list(range(10_000, 20_000))]
)
def test_copied_rows(tmp_path, rows):
    pairs = numbered(25_000)
    write(pairs, tmp_path / "a.arrow")
    copy_rows(tmp_path / "a.arrow", np.array(rows, np.int64), tmp_path / "b.arrow")
    data = open_pairs(tmp_path / "b.arrow")
    expected = [(pairs[row][0].source, pairs[row][0].target, pairs[row][1]) for row in rows]
    assert list(zip(data["source"], data["target"], data["group"], strict=True)) == expected


def digest(tmp_path, pairs, rows):
    write(pairs, tmp_path / "a.arrow")
    return copy_rows(tmp_path / "a.arrow", np.array(rows), tmp_path / "b.arrow")


def test_the_digest_is_of_what_was_copied(tmp_path):
    pairs = numbered(12_000)
    expected = digest(tmp_path, pairs, [1, 11_000])
    assert digest(tmp_path, [pairs[1], pairs[11_000]], [0, 1]) == expected  # wherever the rows were
    other = pairs[1][0]
    for changed in (
        (other._replace(source="another"), 1),
        (other._replace(target="another"), 1),
        (SentencePair(other.target, other.source, "en", "de"), 1),
        (other, 2),
    ):
        assert digest(tmp_path, [changed, pairs[11_000]], [0, 1]) != expected
    assert digest(tmp_path, [pairs[11_000], pairs[1]], [0, 1]) != expected
    assert digest(tmp_path, pairs, [1]) != expected

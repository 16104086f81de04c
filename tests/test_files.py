"""A file is replaced whole, or stays as it was."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from xltrobust.files import Sharing, atomic_directory, atomic_write, cache_root, content_hash, held


def test_replaced_or_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def _killed_writing(path: Path, directory: bool = False) -> None:
    """Writes half of a file in a process that is then killed."""
    if (child := os.fork()) == 0:
        with (atomic_directory if directory else atomic_write)(path) as temporary:
            (temporary / "part" if directory else temporary).write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("directory", [False, True])
def test_what_a_killed_write_left_is_removed_by_the_next_one(tmp_path: Path, directory: bool) -> None:
    _killed_writing(tmp_path / "a.txt", directory)
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".a.txt.")
    with atomic_write(tmp_path / "another.txt") as temporary:
        temporary.write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["another.txt"]


def test_what_somebody_is_writing_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".mine.part-1").mkdir()  # nobody writes it
    with atomic_write(tmp_path / "a.txt") as first, atomic_directory(tmp_path / "b") as second:
        _killed_writing(tmp_path / "a.txt")
        (second / "inside").write_text("theirs")
        with atomic_write(tmp_path / "a.txt") as third:
            third.write_text("second writer")
        first.write_text("first writer")
    assert (tmp_path / "a.txt").read_text() == "first writer"
    assert (tmp_path / "b" / "inside").read_text() == "theirs"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.txt", "b"]


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    children = []
    for writer in range(6):
        if (child := os.fork()) == 0:
            try:
                for number in range(60):
                    with atomic_write(tmp_path / f"{writer}-{number}.txt") as temporary:
                        temporary.write_text(str(number))
            finally:
                os._exit(len(list(tmp_path.glob(f"{writer}-*.txt"))))
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [60] * 6
    assert len(list(tmp_path.iterdir())) == 360


def test_cache_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("XLTROBUST_CACHE", raising=False)
    assert cache_root() == tmp_path / "xltrobust"
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own"


def _forked(work) -> int:
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def test_a_held_folder_lets_one_process_in_at_a_time_and_outlives_a_killed_one(tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")

    def add() -> None:
        for _ in range(25):
            with held(tmp_path):
                count.write_text(str(int(count.read_text()) + 1))

    def die() -> None:
        with held(tmp_path):
            os.kill(os.getpid(), signal.SIGKILL)

    for child in [_forked(die), *(_forked(add) for _ in range(4))]:
        os.waitpid(child, 0)
    assert count.read_text() == "100"


def test_only_the_last_to_use_something_is_told_so(tmp_path: Path) -> None:
    os.waitpid(_forked(lambda: (Sharing(tmp_path, "a"), os.kill(os.getpid(), signal.SIGKILL))), 0)
    first, second = Sharing(tmp_path, "a"), Sharing(tmp_path, "a")
    with first.last() as alone:
        assert not alone
    with second.last() as alone:
        assert alone


def test_a_hash_tells_contents_apart_and_not_paths(tmp_path: Path) -> None:
    for name, content in (("a", "x"), ("b", "x"), ("c", "yy")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(content)
    for of in (lambda name: tmp_path / name, lambda name: tmp_path / name / "file"):
        assert content_hash(of("a")) == content_hash(of("b")) != content_hash(of("c"))
    before = content_hash(tmp_path / "a")
    (tmp_path / "a" / "file").write_text("z")
    assert content_hash(tmp_path / "a") != before and content_hash(tmp_path / "none") is None

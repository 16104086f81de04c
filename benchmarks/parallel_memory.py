"""The memory and time that it takes to prepare a parallel corpus from its sources, and to read it at random.

    python benchmarks/parallel_memory.py [--pairs 10000000] [--batches 2000] [--json FILE] [--markdown FILE]

The pairs are generated while they are read: short sentences in three language pairs, one of them without English, of
which a few occur in the task's test set. Each part runs in a separate process, and its memory is measured from after
the imports. Anonymous memory cannot be reclaimed, while the kernel can drop pages of the mapped file when memory is
short. A budget has to sort all pairs; ``--max-pairs`` measures that too.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from xltrobust.datamodules.parallel.corpus import ParallelCorpus
from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair

LIMIT = 500.0  # MB
LANGUAGES = [("en", "de"), ("en", "zh"), ("de", "fr")]
LETTERS = {"en": "abcdefghiklmnoprstuw", "de": "abdefghiklmnorstuzäöü", "fr": "abcdefilmnopqrstuvéè"}
PHRASES = 4096  # of three words; a sentence has three phrases
_MASK = (1 << 64) - 1


class MadeUp(Bitext):
    """Pairs of sentences of three phrases, drawn by a linear congruential generator.

    Args:
        pairs: their number; the language pairs take turns.
        seed: seed of the sentences.
    """

    def __init__(self, *, pairs: int, seed: int = 0) -> None:
        self.size, self.seed = pairs, seed
        rng = random.Random(0)
        self.phrases = {code: [_phrase(rng, letters) for _ in range(PHRASES)] for code, letters in LETTERS.items()}
        self.phrases["zh"] = ["".join(chr(rng.randrange(0x4E00, 0x6000)) for _ in range(4)) for _ in range(PHRASES)]

    def __iter__(self) -> Iterator[SentencePair]:
        state = self.seed
        for number in range(self.size):
            state = (state * 6364136223846793005 + 1442695040888963407) & _MASK
            a, b, c = state >> 52, (state >> 40) & 4095, (state >> 28) & 4095
            one, two = LANGUAGES[number % 3]
            yield SentencePair(self.sentence(one, a, b, c), self.sentence(two, a, b, c), one, two)

    def sentence(self, language: str, a: int, b: int, c: int) -> str:
        """A sentence of the phrases with these numbers."""
        one, two, three = (self.phrases[language][number] for number in (a, b, c))
        return f"{one}{two}{three}。" if language == "zh" else f"{one} {two}, {three}."

    def provenance(self) -> dict[str, Any]:
        return {"source": "made up", "version": str(self.seed), "licence": "none"}

    def stamp(self) -> Any:
        return ["made up", self.size, self.seed]


def _phrase(rng: random.Random, letters: str) -> str:
    return " ".join("".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(3))


def memory() -> dict[str, float]:
    """This process's resident memory now, in MB: ``anonymous`` and ``total``."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    read = {"anonymous": status["RssAnon"], "total": status["VmRSS"]}
    return {name: int(size.split()[0]) / 1024 for name, size in read.items()}


class Growth:
    """The growth of memory during a ``with`` block, measured ten times a second and at the end.

    Afterwards ``peak`` and ``end`` hold the growth by kind of memory, in MB, and ``seconds`` the duration.
    """

    def __enter__(self) -> Growth:
        self.start = memory()
        self.peak = dict.fromkeys(self.start, 0.0)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._since = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._since
        self._done.set()
        self._thread.join()
        self.end = self._look()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self._look()

    def _look(self) -> dict[str, float]:
        grown = {name: now - self.start[name] for name, now in memory().items()}
        self.peak = {name: max(self.peak[name], now) for name, now in grown.items()}
        return grown


def corpus(pairs: int, max_pairs: int | None) -> ParallelCorpus:
    """The corpus that is measured."""
    return ParallelCorpus(bitexts=[MadeUp(pairs=pairs, seed=1)], max_pairs=max_pairs)


def unseen() -> dict[str, list[str]]:
    """Test texts in each language; about every twentieth is in the corpus."""
    absent, present = MadeUp(pairs=6000, seed=2), MadeUp(pairs=300, seed=1)
    texts: dict[str, list[str]] = {}
    for made_up in (absent, present):
        for pair in made_up:
            texts.setdefault(pair.source_language, []).append(pair.source)
            texts.setdefault(pair.target_language, []).append(pair.target)
    return texts


def build(given: argparse.Namespace) -> dict[str, Any]:
    """Prepares the corpus."""
    texts = unseen()
    with Growth() as growth:
        data = corpus(given.pairs, given.max_pairs).prepare(texts)
        held = sum(len(data.held_out(pair)) for pair in data.languages)
    return {"counts": data.record["counts"], "held_out": held, **_figures(growth, given.pairs)}


def read(given: argparse.Namespace) -> dict[str, Any]:
    """Opens the prepared corpus and reads batches of random rows."""
    made, texts = corpus(given.pairs, given.max_pairs), unseen()
    rng = np.random.default_rng(0)
    with Growth() as growth:
        data = made.prepare(texts)
        for _ in range(given.batches):
            batch = data.pairs(rng.integers(len(data), size=given.batch_size))
            assert len(batch) == given.batch_size
    return {"train": len(data), **_figures(growth, given.batches * given.batch_size)}


def generate(given: argparse.Namespace) -> dict[str, Any]:
    """Generates the pairs and does nothing with them: the part of the time that the benchmark itself takes."""
    with Growth() as growth:
        for _ in MadeUp(pairs=given.pairs, seed=1):
            pass
    return _figures(growth, given.pairs)


def _figures(growth: Growth, pairs: int) -> dict[str, Any]:
    return {"peak": growth.peak, "end": growth.end, "seconds": growth.seconds, "rate": pairs / growth.seconds}


def apart(part: Callable[[argparse.Namespace], dict[str, Any]], given: argparse.Namespace) -> dict[str, Any]:
    """Runs a part in a separate process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(part, (given,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10_000_000)
    parser.add_argument("--max-pairs", type=int)
    parser.add_argument("--batches", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XLTROBUST_CACHE"] = cache
        parts = {
            "generating alone": apart(generate, given),
            "preparing": apart(build, given),
            f"reading {given.batches:,} batches of {given.batch_size}": apart(read, given),
        }
        size = sum(path.stat().st_size for path in Path(cache).rglob("*.arrow")) / 1e6
    budget = f", budget {given.max_pairs:,}" if given.max_pairs else ""
    lines = [
        f"| {given.pairs:,} pairs{budget}, {size:,.0f} MB on disk | peak anonymous | at the end | peak resident | s "
        "| pairs/s |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {part['peak']['anonymous']:.0f} MB | {part['end']['anonymous']:.0f} MB | "
            f"{part['peak']['total']:.0f} MB | {part['seconds']:.0f} | {part['rate']:,.0f} |"
            for name, part in parts.items()
        ),
    ]
    print("\n".join(lines))
    print(json.dumps(parts["preparing"]["counts"]))
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n", encoding="utf8")
    if given.json:
        rows = []
        for name, part in parts.items():
            peak = part["peak"]["anonymous"]
            row = {"name": name, "ours": peak, "reference": LIMIT, "ratio": peak / LIMIT, "unit": "MB", "runs": 1}
            rows.append(row | {key: part[key] for key in ("peak", "end", "seconds", "rate")})
        given.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""The cost of making views of the training texts: wall-clock and CPU time of an epoch, here and in the workers.

    python benchmarks/view_loading.py [--encoder bundled] [--texts 400000] [--workers 0 1] [--json FILE]

The texts are English voice commands, numbered so that no two are equal; the views are those of DataAugmentation with
TypoPerturbation. Nothing is trained: an epoch is only read from the loader, batch by batch.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from xltrobust.datamodules import HomeAssistantIntents
from xltrobust.example import Example, Language
from xltrobust.perturb import TypoPerturbation
from xltrobust.perturb.random_view import RandomView
from xltrobust.regularizers import DataAugmentation


class Repeated(HomeAssistantIntents):
    """The task with ``texts`` training sentences."""

    texts = 0

    def read(self, split: str, language: Language) -> list[Example]:
        examples = super().read(split, language)
        if split != "train":
            return examples
        return [
            replace(example, id=f"{example.id}/{n}", text=f"{example.text} {n}")
            for n, example in ((n, examples[n % len(examples)]) for n in range(self.texts))
        ]


def epoch(data: Repeated, workers: int, number: int) -> dict[str, Any]:
    """The figures of one epoch."""
    data.num_workers = workers
    loader = data.train_dataloader()
    loader.batch_sampler.set_epoch(number)  # type: ignore[union-attr]
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    start = time.perf_counter()
    first = 0.0
    for _ in loader:
        first = first or time.perf_counter() - start
    seconds = time.perf_counter() - start
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    here, there = (b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after, strict=True))
    return {
        "workers": workers, "batches": len(loader), "seconds": seconds, "seconds to the first batch": first,
        "main process, CPU s": here, "workers, CPU s": there, "peak GB": after[0].ru_maxrss / 2**20,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--texts", type=int, default=400_000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pl.seed_everything(0)
    data = Repeated(tokenizer=given.encoder, languages=["de"], batch_size=given.batch_size)
    data.texts = given.texts
    data.add_augmentation(DataAugmentation(view=RandomView(perturbation=TypoPerturbation(), rate=0.1)).augment)
    _ = data.train_examples
    rows = [epoch(data, workers, number) for number, workers in enumerate(given.workers)]
    for row in rows:
        print(", ".join(f"{what}: {figure:.1f}" for what, figure in row.items()))
    if given.json:
        given.json.write_text(json.dumps({"texts": given.texts, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

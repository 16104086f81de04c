"""The time of each regularizer's training step relative to a plain step, beside its cost in encoder passes.

    python benchmarks/regularizer_cost.py [--only NAME …] [--steps 12] [--rounds 5] [--workers 0] [--json FILE]

All runs train the bundled encoder through the trainer, for the first steps of an epoch on the same English voice
commands. Every round measures a plain run and one of each regularizer (A B C … A B C …); a ratio is the median over
rounds of the ratios within a round. The ratio of time to passes shows overhead: 1 means none.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from xltrobust.datamodules import HomeAssistantIntents, HomeAssistantTranslations, ParallelCorpus
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.passes import Passes
from xltrobust.perturb import RandomView, SynonymSubstitution, TypoPerturbation
from xltrobust.regularizers import (
    R3F,
    AdversarialTraining,
    CodeSwitching,
    ConsistencyRegularization,
    DataAugmentation,
    FreeLB,
    RandomPerturbation,
    Regularizer,
    SentenceAlignment,
    SmoothnessInducing,
    VirtualAdversarial,
    WordAlignment,
)

LANGUAGES = ["de", "fr", "ru", "zh-CN"]  # target languages of the sentence pairs
TYPOS = RandomView(perturbation=TypoPerturbation(), rate=0.15)


def catalogue(synonyms: Path) -> dict[str, Callable[[], Regularizer]]:
    """The regularizers to measure, by name."""
    makers: dict[str, Callable[[], Regularizer]] = {
        "ADV, K = 1": AdversarialTraining,
        "ADV, K = 1, half clean": lambda: AdversarialTraining(clean_share=0.5),
        "ADV, K = 3": lambda: AdversarialTraining(steps=3),
        "RS-RP": RandomPerturbation,
        "RS-DA, typing errors": lambda: DataAugmentation(view=TYPOS),
        "FreeLB, K = 3": FreeLB,
        "R3F": R3F,
        "SMART": SmoothnessInducing,
        "VAT": VirtualAdversarial,
        "consistency, typing errors": lambda: ConsistencyRegularization(view=TYPOS),
        "sentence pairs, InfoNCE": SentenceAlignment,
        "sentence pairs, MSE": lambda: SentenceAlignment(loss="mse"),
        "word pairs, L2, source kept": WordAlignment,
        "word pairs, strong": lambda: WordAlignment(loss="strong"),
        "code switching": CodeSwitching,
    }
    if synonyms.exists():
        table = SynonymSubstitution(tables={"en": str(synonyms)})
        makers["RS-DA, synonyms"] = lambda: DataAugmentation(view=RandomView(perturbation=table))
    return makers


class Stopwatch(pl.Callback):
    """Seconds of the steps after the first two, which are for warm-up."""

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 2:
            self.start, self.before = time.perf_counter(), module.total_passes()

    def on_train_end(self, trainer: Any, module: Any) -> None:
        self.seconds = time.perf_counter() - self.start
        after = module.total_passes()
        self.passes = Passes(*(b - a for a, b in zip(self.before, after, strict=True)))


def measured(module: RobustClassifier, make: Callable[[], Regularizer] | None, given: Any) -> tuple[float, Passes]:
    """Seconds and passes of one short run."""
    pl.seed_everything(0, verbose=False)
    module.regularizers.clear()
    module.regularizer_modules.clear()
    data = HomeAssistantIntents(
        languages=["de"], batch_size=32, pair_batch_size=16, num_workers=given.workers,
        parallel=ParallelCorpus(bitexts=[HomeAssistantTranslations(languages=LANGUAGES)]),
    )  # fmt: skip
    watch = Stopwatch()
    callbacks: list[Any] = [watch, *([make()] if make else [])]
    trainer = pl.Trainer(
        max_epochs=1, limit_train_batches=given.steps + 2, limit_val_batches=0, callbacks=callbacks, accelerator="cpu",
        logger=False, enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        use_distributed_sampler=False,
    )  # fmt: skip
    trainer.fit(module, datamodule=data)
    return watch.seconds, watch.passes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="only regularizers whose names begin like this")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--synonyms", type=Path, default=Path("data/counterfitted_neighbors.json"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    labels = HomeAssistantIntents(languages=["de"]).labels
    module = RobustClassifier(labels=labels, freeze_embeddings=True, pooling="mean")
    makers = catalogue(given.synonyms)
    if given.only:
        makers = {name: make for name, make in makers.items() if name.startswith(tuple(given.only))}
    measured(module, None, given)  # warm up
    times: dict[str, list[float]] = {name: [] for name in ["plain", *makers]}
    passes: dict[str, Passes] = {}
    for _ in range(given.rounds):
        for name in times:
            seconds, passes[name] = measured(module, makers.get(name), given)
            times[name].append(seconds / given.steps)
    rows = []
    for name in makers:
        ratio = statistics.median(a / b for a, b in zip(times[name], times["plain"], strict=True))
        cost = passes[name].equivalents / passes["plain"].equivalents
        ours, reference = statistics.median(times[name]), statistics.median(times["plain"])
        row = {"name": name, "ours": ours, "reference": reference, "ratio": ratio, "unit": "s/step"}
        rows.append(row | {"passes": cost, "runs": given.rounds})
    lines = [
        f"| one step, {given.workers} loader workers | s | of a plain step | passes of a plain step | time / passes |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {line['name']} | {line['ours']:.3f} | {line['ratio']:.2f} | {line['passes']:.2f} | "
            f"{line['ratio'] / line['passes']:.2f} |"
            for line in rows
        ),
        f"| plain | {rows[0]['reference']:.3f} | 1.00 | 1.00 | 1.00 |",
    ]
    print("\n".join(lines))
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n", encoding="utf8")
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()

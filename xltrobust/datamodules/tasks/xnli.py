"""XNLI (Conneau et al., 2018): natural language inference in fifteen languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xltrobust.datamodules.example_table import Columns
from xltrobust.datamodules.tasks.pair_benchmark import ParallelPairs


class XNLI(ParallelPairs):
    """Natural language inference in ar, bg, de, el, en, es, fr, hi, ru, sw, th, tr, ur, vi and zh.

    The original layout is ``xnli.dev.tsv`` and ``xnli.test.tsv`` of XNLI-1.0, each with all languages, and
    ``multinli/multinli.train.{language}.tsv`` of XNLI-MT-1.0.

    Args:
        data_dir: see :class:`ParallelPairs`, also for the other arguments.
        hub: the name of the data set on the hub.
        kwargs: see :class:`ParallelPairs`.
    """

    all_languages = ("en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
    label_names = ("entailment", "neutral", "contradiction")
    label_aliases = {"contradictory": "contradiction"}  # XNLI-MT's training files
    hub_columns = Columns(text="premise", text_pair="hypothesis", label="label")

    def __init__(self, *, data_dir: str | None = None, hub: str = "facebook/xnli", **kwargs: Any) -> None:
        super().__init__(data_dir=data_dir, hub=hub, **kwargs)

    def original_file(self, split: str, language: str) -> tuple[Path, Columns]:
        if split == "train":
            columns = Columns(text="premise", text_pair="hypo", label="label")
            return Path(f"multinli/multinli.train.{language}.tsv"), columns
        columns = Columns(
            text="sentence1",
            text_pair="sentence2",
            label="gold_label",
            id="pairID",
            group="promptID",
            language="language",
        )
        return Path(f"xnli.{split}.tsv"), columns

"""PAWS-X (Yang et al., 2019): are two sentences of high word overlap paraphrases? Seven languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xltrobust.datamodules.example_table import Columns
from xltrobust.datamodules.tasks.pair_benchmark import ParallelPairs

_COLUMNS = Columns(text="sentence1", text_pair="sentence2", label="label", id="id")


class PAWSX(ParallelPairs):
    """Paraphrase identification in de, en, es, fr, ja, ko and zh.

    The original layout is ``{language}/train.tsv``, ``dev_2k.tsv`` and ``test_2k.tsv`` with the header
    ``id sentence1 sentence2 label``; untranslated rows (``NS``) are left out and counted.

    Args:
        data_dir: see :class:`ParallelPairs`, also for the other arguments.
        hub: the name of the data set on the hub.
        kwargs: see :class:`ParallelPairs`.
    """

    all_languages = ("en", "de", "es", "fr", "ja", "ko", "zh")
    label_names = ("different", "paraphrase")
    hub_columns = _COLUMNS

    def __init__(
        self, *, data_dir: str | None = None, hub: str = "google-research-datasets/paws-x", **kwargs: Any
    ) -> None:
        super().__init__(data_dir=data_dir, hub=hub, **kwargs)

    def original_file(self, split: str, language: str) -> tuple[Path, Columns]:
        name = {"train": "train.tsv", "dev": "dev_2k.tsv", "test": "test_2k.tsv"}[split]
        return Path(language) / name, _COLUMNS

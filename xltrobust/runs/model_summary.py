"""The model in a few lines before it is trained: the parts that have parameters."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.callbacks import ModelSummary
from pytorch_lightning.utilities.model_summary import get_human_readable_count
from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.table import Table


class ShortModelSummary(ModelSummary):
    """Names the model's parts and their parameters; leaves out parts without any, and figures that say nothing."""

    @staticmethod
    def summarize(
        summary_data: list[tuple[str, list[str]]],
        total_parameters: int,
        trainable_parameters: int,
        *_: Any,
        **__: Any,
    ) -> None:
        """Prints the table.

        Args:
            summary_data: columns, as Lightning makes them.
            total_parameters: of the model.
            trainable_parameters: of these.
        """
        columns = {name: [value.strip() for value in values] for name, values in summary_data}
        total, trained = (get_human_readable_count(int(n)).strip() for n in (total_parameters, trainable_parameters))
        table = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False)
        table.add_column("part", "total")
        table.add_column("class", "" if total == trained else f"{trained} trained")
        table.add_column("parameters", total, justify="right")
        for name, kind, size in zip(columns["Name"], columns["Type"], columns["Params"], strict=True):
            if size != "0":
                table.add_row(name, kind, size)
        get_console().print(table)

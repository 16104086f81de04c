"""``python -m xltrobust.export --run RUN DIR``: a run's model as a directory that Hugging Face's libraries load."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xltrobust.command import as_process, run_command
from xltrobust.errors import OneLineParser, UserError
from xltrobust.files import atomic_directory, check_folder
from xltrobust.runs.folder import RunFolder

if TYPE_CHECKING:
    from xltrobust.exporting.layout import Layout

_DESCRIPTION = (
    "Write a directory for AutoModelForSequenceClassification, or for SentenceTransformer if the model averages over "
    "tokens: both give the run's logits without remote code."
)


def main(arguments: Sequence[str]) -> None:
    """Writes a run's model as a directory for transformers or sentence-transformers, with the same logits.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust export", description=_DESCRIPTION)
    parser.add_argument("--run", required=True, help="folder of a finished run")
    parser.add_argument("directory", help="to write; must not exist")
    options = parser.parse_args(list(arguments))
    with as_process(arguments):
        layout, difference = export(RunFolder(options.run), Path(options.directory))
        print(options.directory)
        print(f"for {layout.library}; the logits of twenty texts differ by at most {difference:.1e}", file=sys.stderr)


def export(folder: RunFolder, directory: Path) -> tuple[Layout, float]:
    """Writes a run's model as a directory: whole, or not at all.

    Returns:
        See :func:`~xltrobust.exporting.model.save_model`.

    Raises:
        UserError: if the directory exists, no library has a layout for this model, or the directory answers otherwise
            than the run's model.
    """
    from xltrobust.exporting.model import save_model
    from xltrobust.models.stored import load_run_model

    if directory.exists():
        raise UserError(f"{directory} exists already: name a directory to be made.")
    check_folder(directory, "The directory")
    module, tokenization = load_run_model(folder)
    with atomic_directory(directory) as temporary:
        return save_model(module, tokenization, temporary, folder.recorded("text_pairs"))


def command() -> None:
    """The shell's."""
    run_command("export", main)


if __name__ == "__main__":
    command()

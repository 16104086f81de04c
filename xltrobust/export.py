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
    parser.add_argument(
        "--push", metavar="REPO_ID", help="upload the directory to the Hugging Face hub too; a repository that is not "
        "there is made, private"
    )  # fmt: skip
    options = parser.parse_args(list(arguments))
    with as_process(arguments):
        if options.push:
            from xltrobust.exporting.hub import check_push, push

            check_push(options.push)
        layout, difference = export(RunFolder(options.run), Path(options.directory), options.push)
        print(options.directory)
        print(f"for {layout.library}; the logits of twenty texts differ by at most {difference:.1e}", file=sys.stderr)
        if options.push:
            print(push(Path(options.directory), options.push))


def export(folder: RunFolder, directory: Path, name: str | None = None) -> tuple[Layout, float]:
    """Writes a run's model and its model card as a directory: whole, or not at all.

    Args:
        folder: of a finished run.
        directory: must not exist.
        name: by which the model card loads the model; by default the directory's.

    Returns:
        See :func:`~xltrobust.exporting.model.save_model`.

    Raises:
        UserError: if the directory exists, the run's files are not whole, no library has a layout for this model, or
            the directory answers otherwise than the run's model.
    """
    from xltrobust.exporting.card import model_card
    from xltrobust.exporting.model import save_model
    from xltrobust.models.stored import load_run_model
    from xltrobust.report import build_report

    if directory.exists():
        raise UserError(f"{directory} exists already: name a directory to be made.")
    check_folder(directory, "The directory")
    report = build_report([folder.path])
    module, tokenization = load_run_model(folder)
    with atomic_directory(directory) as temporary:
        layout, difference = save_model(module, tokenization, temporary, folder.recorded("text_pairs"))
        card = model_card(report, layout, name or directory.name, tokenization.max_length, difference)
        card.save(temporary / "README.md")
        for path in temporary.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # whatever the libraries gave: colleagues may read
    return layout, difference


def command() -> None:
    """The shell's entry point."""
    run_command("export", main)


if __name__ == "__main__":
    command()

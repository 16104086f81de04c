"""``python -m xltrobust.predict --run RUN FILE|-``: classify new text with a finished run's model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from xltrobust.command import as_process, run_command, user_errors
from xltrobust.errors import OneLineParser, UserError
from xltrobust.example import Example
from xltrobust.reading import text_lines
from xltrobust.runs.folder import RunFolder
from xltrobust.text.languages import check_codes

_DESCRIPTION = "Read one text a line, print one JSON object a line: text, label and the probability of every label."
_CHUNK = 4096  # lines held at a time: a file of any size passes through


def main(arguments: Sequence[str]) -> None:
    """Reads one text a line, prints one JSON object a line: text, label and the probability of every label.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust predict", description=_DESCRIPTION)
    parser.add_argument("--run", required=True, help="folder of a finished run")
    parser.add_argument(
        "--language", help="of the texts, for encoders with language ids or linear maps (default: the run's source)"
    )
    parser.add_argument("file", help="UTF-8 text, one example a line, a tab between the texts of a pair; - reads stdin")
    options = parser.parse_args(list(arguments))
    with as_process(arguments), user_errors(ValueError):
        predict(RunFolder(options.run), options.file, options.language)


def predict(folder: RunFolder, file: str, language: str | None = None) -> None:
    """Classifies the lines of a file (``-``: standard input) and prints JSON Lines.

    Raises:
        UserError: on a missing file, or a line without the tab of a pair (or with one where there are no pairs).
        ValueError: if ``language`` is no language code.
    """
    import torch

    from xltrobust.models.stored import load_run_model
    from xltrobust.models.victim import ClassifierVictim

    check_codes("--language", [language] if language is not None else [])
    pairs, source = folder.recorded("text_pairs"), folder.recorded("source")
    module, tokenization = load_run_model(folder)
    if module.language_maps.languages and language is None:
        raise UserError(
            f"{folder.path}: its model maps texts by their language ({', '.join(module.language_maps.languages)}): say "
            "which they are in with --language."
        )
    victim = ClassifierVictim(module, tokenization)
    examples = _examples(file, pairs, language or source)
    while chunk := [example for _, example in zip(range(1 if file == "-" else _CHUNK), examples, strict=False)]:
        for example, row in zip(chunk, torch.from_numpy(victim(chunk)).softmax(1), strict=True):
            texts = {"text": example.text} | ({"text_pair": example.text_pair} if pairs else {})
            scores = {name: round(float(score), 4) for name, score in zip(module.labels, row, strict=True)}
            answer = {**texts, "label": module.labels[int(row.argmax())], "probabilities": scores}
            print(json.dumps(answer, ensure_ascii=False), flush=file == "-")


def _examples(file: str, pairs: bool, language: str) -> Iterator[Example]:
    for number, line in enumerate(text_lines(file), 1):
        fields = line.split("\t")
        if len(fields) != 1 + pairs:
            wanted = "two texts with a tab between them" if pairs else "one text without tabs"
            raise UserError(f"{file}:{number}: expected {wanted}, but got {len(fields)} fields.")
        yield Example(str(number), language, fields[0], -1, fields[1] if pairs else None)


def command() -> None:
    """The shell's entry point."""
    run_command("predict", main)


if __name__ == "__main__":
    command()

"""Checks that PAWS-X gives the same rows in its own layout and in XTREME's, also in the generalized setting.

    python benchmarks/pawsx_layouts.py --data DIR [--markdown FILE]

DIR holds ``{language}/dev_2k.tsv`` and ``test_2k.tsv`` (upstream: ``x-final``). The copy in XTREME's layout (three
columns, no header, no ids) is made in a temporary folder. XTREME's languages are aligned by line, so only files that
have equally many lines (before untranslated rows are left out) can be crossed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from xltrobust.datamodules import PAWSX
from xltrobust.errors import DataError
from xltrobust.example import Example, language_name

LANGUAGES = PAWSX.all_languages


def module(folder: Path) -> PAWSX:
    """The data module for a folder, in the generalized setting, all pairs."""
    return PAWSX(data_dir=str(folder), generalized="all")


def copy_to_xtreme(source: Path, target: Path) -> None:
    """``{split}-{language}.tsv``: the three columns after the id, without the header."""
    for split in ("dev", "test"):
        for language in LANGUAGES:
            lines = (source / language / f"{split}_2k.tsv").read_text(encoding="utf8").split("\n")[1:]
            rows = [line.split("\t", 1)[1] for line in lines if line]
            (target / f"{split}-{language}.tsv").write_text("\n".join(rows) + "\n", encoding="utf8")


def content(examples: list[Example]) -> list[tuple[str, str | None, int]]:
    """What the two layouts must agree on: everything but the ids."""
    return [(example.text, example.text_pair, example.label) for example in examples]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy_to_xtreme(given.data, Path(folder))
        lines = compare(module(given.data), module(Path(folder)))
    print("\n".join(lines))
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n", encoding="utf8")


def compare(original: PAWSX, xtreme: PAWSX) -> list[str]:
    """A Markdown report: the rows of each language, and of the pairs of languages."""
    lines = ["| split | language | rows | untranslated, left out | XTREME's layout |", "|---|---|---:|---:|---|"]
    for split in ("dev", "test"):
        for language in LANGUAGES:
            table = original.table(split, language)
            same = content(table.examples) == content(xtreme.table(split, language).examples)
            left_out = sum(table.left_out.values())
            verdict = "same rows" if same else "DIFFERS"
            lines.append(f"| {split} | {language} | {len(table.examples):,} | {left_out} | {verdict} |")
    tested = original.splits()["test"]
    lines += ["", f"Generalized setting: {len(tested)} pairs of languages ({len(LANGUAGES)} with themselves)."]
    for split in ("dev", "test"):
        pairs = [pair for pair in tested if not isinstance(pair, str)]
        sizes = {pair: len(original.read(split, pair)) for pair in pairs}
        refused, same = 0, 0
        for pair in pairs:
            try:
                same += content(xtreme.read(split, pair)) == content(original.read(split, pair))
            except DataError:
                refused += 1
        small, large = min(sizes, key=lambda p: sizes[p]), max(sizes, key=lambda p: sizes[p])
        lines.append(
            f"- {split}: {sizes[small]:,} ({language_name(small)}) to {sizes[large]:,} ({language_name(large)}) "
            f"examples a pair, {sum(sizes.values()):,} in all. XTREME's layout: {same} pairs with the same rows, "
            f"{refused} refused because the files are not equally long."
        )
    return lines


if __name__ == "__main__":
    main()

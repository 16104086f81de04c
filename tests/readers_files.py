"""What the pages take the reader to have: a model, reviews to train on, and a labelled file."""

from __future__ import annotations

from pathlib import Path

from test_attack_classifier import save_classifier

from conftest import LABELS, WORDS


def write_readers_files(folder: Path) -> None:
    """``my-model``, ``data/reviews/{language}/{split}.tsv``, and ``reviews.tsv`` of the columns review, stars, lang."""
    save_classifier(folder / "my-model", LABELS)
    colours, others = WORDS["en"]
    table = ["review\tstars\tlang"]
    for language in ("en", "de", "sw", "zh"):
        (own := folder / "data" / "reviews" / language).mkdir(parents=True)
        for split, size in {"train": 24, "dev": 6, "test": 4}.items():
            rows = [f"{split}-{n}\t{others[n % 9]} {colours[n % 3]}\t{LABELS[n % 3]}" for n in range(size)]
            (own / f"{split}.tsv").write_text("\n".join(["id\treview\tstars", *rows]), encoding="utf8")
        table += [row.partition("\t")[2] + f"\t{language}" for row in rows]
    (folder / "reviews.tsv").write_text("\n".join(table), encoding="utf8")

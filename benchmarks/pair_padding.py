"""How much of a batch of sentence pairs is padding: batched by the tokens of the longer text, and as it was before.

    python benchmarks/pair_padding.py --data DIR [--encoder bundled] [--batch_size 16] [--markdown FILE]

DIR has the folders `ntrex` and `sib200`, as their authors lay them out. Before, pairs were sorted by the characters of
both texts, 50 batches at a time. A batch is one forward pass of all source and target texts, padded to the longest of
them; "least" is the padding that is left if all pairs are sorted by the longer text: its partner is shorter.
"""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path

import numpy as np

from xltrobust.datamodules import HomeAssistantTranslations, LocalClassification, NTREXPairs, ParallelCorpus
from xltrobust.datamodules.example_table import Columns
from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.sources.task import TaskTranslations
from xltrobust.datamodules.parallel.stream import PairSampler
from xltrobust.datamodules.parallel.token_counts import pair_tokens
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.runs.provenance import machine

_LANGUAGES = ["de", "nl", "fr", "it", "pl", "ru", "el", "eu", "th", "zh-CN"]


def corpora(data: Path) -> dict[str, PairData]:
    """The pairs, by name."""
    strings = ParallelCorpus(bitexts=[HomeAssistantTranslations(pivot="en", languages=_LANGUAGES)])
    news = ParallelCorpus(bitexts=[NTREXPairs(data_dir=str(data / "ntrex"))])
    found = {"interface strings, 10 languages": strings.prepare({}), "NTREX-128, all files": news.prepare({})}
    others = sorted(path.name for path in (data / "sib200").iterdir() if path.is_dir() and path.name != "eng_Latn")
    topics = LocalClassification(
        data_dir=str(data / "sib200"), source="eng_Latn", languages=others,
        columns=Columns(text="text", label="category", id="index_id"),
        parallel=ParallelCorpus(bitexts=[TaskTranslations(languages=others)], held_out=0),
    )  # fmt: skip
    return found | {f"SIB-200, {len(others)} languages": topics.pairs}


def padding(tokens: np.ndarray, lengths: np.ndarray, size: int, pool: int) -> float:
    """The share of padding in a round of batches of ``size`` pairs with ``tokens``, shape (2, N)."""
    sampler = PairSampler(lengths, size, seed=0, pool=pool)
    batches = [tokens[:, rows] for rows in islice(sampler, tokens.shape[1] // size)]
    return 1 - sum(own.sum() for own in batches) / sum(own.size * own.max() for own in batches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    tokenization = Tokenization(given.encoder, 128)
    rows = ["| pairs | number | tokens a text | before | now | least |", "|---|---:|---:|---:|---:|---:|"]
    for name, pairs in corpora(given.data).items():
        tokens = pair_tokens(pairs, tokenization)
        longer, size = tokens.max(axis=0), given.batch_size
        shares = (
            padding(tokens, pairs.lengths, size, 50),
            padding(tokens, longer, size, 100),
            1 - tokens.sum() / (2 * longer.sum()),
        )
        shown = " | ".join(f"{share:.1%}" for share in shares)
        rows.append(f"| {name} | {len(pairs):,} | {tokens.mean():.1f} | {shown} |")
    text = "\n".join(rows)
    print(text)
    if given.markdown:
        head = f"`python {' '.join(sys.argv)}`, {machine(1, 'cpu', '32')['processor']}"
        given.markdown.write_text(f"{head}\n\n{text}\n", encoding="utf8")


if __name__ == "__main__":
    main()

"""Does the bundled encoder's tokenizer agree with the character map and vocabulary in its file, on real text?

Compares token ids with a reference in plain Python, which applies the map code point by code point, handles white space
as SentencePiece does, and runs a Viterbi search over the vocabulary. The usual approximation of the map (NFKC, then
collapsed white space) is compared too. The data is laid out as upstream:
``sib200/{lang}/*.tsv``, ``ntrex/*.txt``, ``pawsx/{lang}/*.tsv``.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers

from xltrobust.encoders.bundled import bundled_path, bundled_tokenizer, verified_bytes
from xltrobust.encoders.e5_file import E5File, read_e5

# The corpora have different language codes; the table has one row per language.
ISO_639_3 = {"de": "deu", "en": "eng", "es": "spa", "fr": "fra", "ja": "jpn", "ko": "kor", "zh": "zho", "swa": "swh"}


def reference_encoder(file: E5File) -> Callable[[str], list[int]]:
    """A function from text to token ids in plain Python, without ``tokenizers``."""
    ids = {piece: i for i, (piece, _) in enumerate(file.pieces)}
    scores = [score for _, score in file.pieces]
    longest = max(len(piece) for piece in ids)
    unknown_score = min(scores) - 10.0

    @lru_cache(maxsize=200_000)
    def segment(word: str) -> tuple[int, ...]:
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)] + [(float("-inf"), 0, 0)] * len(word)
        for start in range(len(word)):
            score = best[start][0]
            for end in range(start + 1, min(len(word), start + longest) + 1):
                piece = ids.get(word[start:end])
                if piece is not None and score + scores[piece] > best[end][0]:
                    best[end] = (score + scores[piece], start, piece)
            if word[start] not in ids and score + unknown_score > best[start + 1][0]:
                best[start + 1] = (score + unknown_score, start, file.unk)
        path: list[int] = []
        end = len(word)
        while end:
            _, end, piece = best[end]
            if not (piece == file.unk and path and path[-1] == file.unk):  # a run of unknown characters is one token
                path.append(piece)
        return tuple(reversed(path))

    def encode(text: str) -> list[int]:
        mapped = "".join(file.character_map.get(ord(character), character) for character in text)
        return [file.bos, *(i for word in mapped.split() for i in segment("▁" + word)), file.eos]

    return encode


def sentences(data: Path, limit: int | None) -> Iterator[tuple[str, str]]:
    """Yields ``(language, sentence)`` from the three corpora, at most ``limit`` rows of each file."""
    for path in sorted(data.glob("sib200/*/*.tsv")) + sorted(data.glob("pawsx/*/*.tsv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for i, row in enumerate(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)):
                if limit is not None and i >= limit:
                    break
                for column in ("text", "sentence1", "sentence2"):
                    if row.get(column):
                        yield language_of(path.parent.name), row[column]
    for path in sorted(data.glob("ntrex/*.txt")):
        for line in path.read_text(encoding="utf-8").split("\n")[:limit]:
            if line:
                yield language_of(path.name.split(".")[1]), line


def language_of(name: str) -> str:
    """The ISO 639-3 code of a language as a corpus names it (``deu_Latn``, ``zho-CN``, ``de``)."""
    name = name.replace("-", "_").split("_")[0]
    return ISO_639_3.get(name, name)


def median_microseconds(tokenizers: list[Tokenizer], texts: list[str], runs: int) -> list[float]:
    """Median time per sentence of each tokenizer, one sentence at a time, with the tokenizers in turns."""
    times: list[list[float]] = [[] for _ in tokenizers]
    for _ in range(runs):
        for tokenizer, measured in zip(tokenizers, times, strict=True):
            start = time.perf_counter()
            for text in texts:
                tokenizer.encode(text)
            measured.append((time.perf_counter() - start) / len(texts) * 1e6)
    return [statistics.median(measured) for measured in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with sib200, ntrex and pawsx")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N rows of each file")
    parser.add_argument("--runs", type=int, default=5, help="runs of the timing (default: 5)")
    arguments = parser.parse_args()

    file = read_e5(verified_bytes())
    reference = reference_encoder(file)
    ours = Tokenizer.from_file(str(bundled_path() / "tokenizer.json"))
    naive = bundled_tokenizer(file)
    naive.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])

    counts: dict[str, list[int]] = {}
    timed: list[str] = []
    for i, (language, text) in enumerate(sentences(arguments.data, arguments.limit)):
        expected = reference(text)
        composed = unicodedata.normalize("NFC", text)
        row = counts.setdefault(language, [0, 0, 0, 0])
        row[0] += 1
        row[1] += naive.encode(text).ids != expected
        row[2] += ours.encode(text).ids != expected
        row[3] += composed != text and reference(composed) != expected
        if i % 50 == 0:
            timed.append(text)
    if not counts:
        parser.error(f"Expected --data to hold sib200, ntrex or pawsx, but got {arguments.data}")

    table = dict(sorted(counts.items())) | {"all": [sum(column) for column in zip(*counts.values(), strict=True)]}
    print("| language | sentences | NFKC differs | bundled differs | would change if composed (NFC) first |")
    print("|---|---:|---:|---:|---:|")
    rows: list[dict[str, object]] = []
    for language, (total, by_naive, by_ours, by_nfc) in table.items():
        shares = [by_naive / total, by_ours / total, by_nfc / total]
        print(f"| {language} | {total:,} | {shares[0]:.2%} | {shares[1]:.2%} | {shares[2]:.2%} |")
        ratio = shares[1] / shares[0] if by_naive else None
        rows.append(
            {
                "name": f"differs/{language}",
                "ours": shares[1],
                "reference": shares[0],
                "ratio": ratio,
                "unit": "share of sentences",
                "runs": 1,
            }
        )
    fast, slow = median_microseconds([ours, naive], timed, arguments.runs)
    print(f"\nTime a sentence: bundled {fast:.0f} µs, NFKC {slow:.0f} µs, ratio {fast / slow:.2f}", end=" ")
    print(f"(median of {arguments.runs} alternating runs over {len(timed):,} sentences).")
    timing = {"name": "time", "ours": fast, "reference": slow, "ratio": fast / slow, "unit": "µs a sentence"}
    rows.append(timing | {"runs": arguments.runs})
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

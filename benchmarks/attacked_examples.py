"""A fixed sample of a run's broken examples for people to read, with their judgements.

    python benchmarks/attacked_examples.py RUN --languages en de fr es ru [--count 20] [--leave_out typo]
        [--judged FILE] [--markdown FILE]

In each language the attacks take turns, and the examples of an attack are ordered by a hash, so that nobody chooses
them. The file of judgements has the tab-separated columns ``language``, ``attack``, ``id``, ``held`` (yes or no: does
the text still mean the same to a reader of the language?) and ``remark``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import pandas as pd

from xltrobust.errors import UserError, one_line_errors
from xltrobust.report.markdown import escape
from xltrobust.runs.folder import RunFolder
from xltrobust.seeding import derived_seed

KEY = ["language", "attack", "id"]


def sample(rows: pd.DataFrame, languages: list[str], count: int, leave_out: list[str]) -> pd.DataFrame:
    """Broken examples, ``count`` of each language."""
    broken = rows[rows["adversarial_text"].notna() & (rows["label"] != rows["prediction"])]
    broken = broken[broken["language"].isin(languages) & ~broken["attack"].isin(leave_out)].copy()
    keys = broken[["attack", "id"]].itertuples(index=False)
    broken["order"] = [derived_seed("read", attack, name) for attack, name in keys]
    broken["turn"] = broken.sort_values("order").groupby(["language", "attack"]).cumcount()
    broken["place"] = broken["language"].map(languages.index)
    return broken.sort_values(["place", "turn", "attack"]).groupby("language", sort=False).head(count)


def judge(chosen: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Adds the judgements to the sample."""
    judged = pd.read_csv(file, sep="\t", dtype=str, keep_default_na=False)
    judgements = chosen.merge(judged, on=KEY, how="left", validate="one_to_one")
    if (missing := judgements[judgements["held"].isna()]).size:
        raise UserError(f"{file}: there is no judgement of {' '.join(missing.iloc[0][KEY])}.")
    if (wrong := judged[~judged["held"].isin(["yes", "no"])]).size:
        raise UserError(f"{file}: held: {wrong.iloc[0]['held']!r} is neither yes nor no.")
    return judgements


def summary(judged: pd.DataFrame) -> list[str]:
    held = judged["held"] == "yes"
    lines = ["| attack | read | meaning held |", "|---|---:|---:|"]
    for attack, verdicts in held.groupby(judged["attack"]):
        lines.append(f"| {attack} | {len(verdicts)} | {verdicts.sum()} |")
    lines.append(f"| **all** | **{len(held)}** | **{held.sum()}** |")
    means = judged.groupby(held)["similarity"].agg(["mean", "std"])
    if means["mean"].notna().all() and len(means) == 2:
        said = [f"{means.loc[kind, 'mean']:.3f} ± {means.loc[kind, 'std']:.3f}" for kind in (True, False)]
        lines += ["", f"Similarity by the encoder: {said[0]} where the meaning held, {said[1]} where it did not."]
    return lines


def tables(chosen: pd.DataFrame, labels: list[str]) -> list[str]:
    lines = []
    for language, examples in chosen.groupby("language", sort=False):
        held = Counter(examples["held"])["yes"] if "held" in examples else None
        lines += [
            "",
            f"## {language}" + (f": the meaning held in {held} of {len(examples)}" if held is not None else ""),
            "",
        ]
        lines += ["| attack | text | attacked | answer | held | |", "|---|---|---|---|---|---|"]
        for row in examples.to_dict("records"):
            cells = [
                row["attack"], row["text"], row["adversarial_text"],
                f"{labels[row['label']]} → {labels[row['prediction']]}", row.get("held", ""), row.get("remark", ""),
            ]  # fmt: skip
            lines.append("| " + " | ".join(escape(str(cell)) for cell in cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="the folder of a run that was attacked")
    parser.add_argument("--languages", nargs="+", required=True)
    parser.add_argument("--count", type=int, default=20, help="examples of a language (default: %(default)s)")
    parser.add_argument("--leave_out", nargs="*", default=[], help="attacks")
    parser.add_argument("--judged", type=Path, help="tab-separated judgements")
    parser.add_argument("--markdown", type=Path, help="write here, instead of printing")
    options = parser.parse_args()
    with one_line_errors("attacked_examples", OSError):
        folder = RunFolder(options.run)
        labels = folder.finished["labels"]
        rows = pd.read_parquet(folder.predictions)
        found = sample(rows[rows["attack"].notna()], options.languages, options.count, options.leave_out)
        lines = ["# Attacked examples, read", ""]
        if options.judged:
            found = judge(found, options.judged)
            lines += summary(found)
        text = "\n".join([*lines, *tables(found, labels)]) + "\n"
        if options.markdown:
            options.markdown.write_text(text, encoding="utf8")
        else:
            print(text)


if __name__ == "__main__":
    main()

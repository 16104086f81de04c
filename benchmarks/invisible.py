"""What normalising texts does against invisible characters: a run's model attacked as it is and behind each defence.

    python benchmarks/invisible.py --run runs/quickstart --languages en de ru th --examples 12 --budget 25

For each attack and defence, over all languages: accuracy on clean texts, under the attack (which sees the defended
model), and on the texts that the attack on the undefended model ended with (transfer). Then, for each language of the
run, of how many clean test texts the defence changes the tokens, and of how many of those the answer.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from lightning_fabric import Fabric

from xltrobust.encoders.tokenization import Tokenization
from xltrobust.evaluation.attack_recipes import read_recipe
from xltrobust.evaluation.opening import open_run
from xltrobust.evaluation.shares import chosen_examples
from xltrobust.example import Example
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb import attack
from xltrobust.runs.folder import RunFolder

ATTACKS = ("zero_width", "bidi", "deletions")
DEFENCES = ("none", "nfkc", "strip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", required=True)
    parser.add_argument("--examples", type=int, default=12, help="attacked of a language (default: %(default)s)")
    parser.add_argument("--budget", type=int, default=25, help="queries an example (default: %(default)s)")
    options = parser.parse_args()
    folder = RunFolder(options.run)
    torch.set_num_threads(1)
    session = open_run(folder, Fabric(accelerator="cpu"))
    module, own = session.victim.module, session.victim.tokenization  # type: ignore[attr-defined]
    victims = {how: ClassifierVictim(module, Tokenization(own.name, own.max_length, how)) for how in DEFENCES}
    sets = [each for each in session.sets if each.split == "test"]
    wanted = [each for each in sets if each.name in options.languages]
    chosen = [each.examples[at] for each in wanted for at in chosen_examples(each, options.examples)]
    print("| attack | texts | defence | clean | attacked | transferred |\n|---|---:|---|---:|---:|---:|")
    for name in ATTACKS:
        recipe = replace(read_recipe(name, folder)[1], budget=options.budget)
        data = [example for example in chosen if recipe.perturbation.changes(example.language)]
        found: list[Example] = []
        for how, victim in victims.items():
            results = attack(
                data, victim, perturbation=recipe.perturbation, search=recipe.search, constraints=recipe.constraints,
                budget=recipe.budget,
            )  # fmt: skip
            ends = [result.adversarial or result.example for result in results]
            found = found or ends
            shares = (_accuracy(victim, texts) for texts in (data, ends, found))
            figures = " | ".join(f"{100 * share:.1f}" for share in shares)
            print(f"| {name} | {len(data)} | {how} | {figures} |", flush=True)
    print("\n| language | clean texts | defence | other tokens | other answers |\n|---|---:|---|---:|---:|")
    for each in sets:
        plain = victims["none"]
        tokens = [row.tolist() for row in _rows(plain, each.examples)]
        for how in DEFENCES[1:]:
            pairs = zip(_rows(victims[how], each.examples), tokens, each.examples, strict=True)
            changed = [example for row, before, example in pairs if row.tolist() != before]
            other = (plain(changed).argmax(1) != victims[how](changed).argmax(1)).sum() if changed else 0
            if changed:
                print(f"| {each.name} | {len(each.examples)} | {how} | {len(changed)} | {other} |", flush=True)


def _rows(victim: ClassifierVictim, examples: list[Example]) -> list:
    table = victim.tokenization.table(examples)
    return [table.row(at)["input_ids"] for at in range(len(table))]


def _accuracy(victim: ClassifierVictim, examples: list[Example]) -> float:
    return float((victim(examples).argmax(1) == [example.label for example in examples]).mean())


if __name__ == "__main__":
    main()

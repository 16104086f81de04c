"""The speed of the attack engine, compared with the encoder alone and with TextAttack, and of its searches.

    python benchmarks/attack_speed.py [--short RUN] [--long RUN] [--texts short long] [--synonyms FILE]
        [--examples 100] [--slow-examples 40] [--rounds 3] [--threads 2] [--peer-env DIR] [--profile] [--json FILE]

The victims are two finished runs, on short and on long texts; the examples are a sample of the English test set
in each run's folder. The attack replaces words by synonyms: at most 40 % of the words, each at most once. It compares

- texts per second, of the whole attack and of the victim when it is given all texts of that attack in one call, which
  sorts them by length (with tokenization, which is never read from a file; and without, for information);
- examples attacked per second, here and by TextAttack: once with its default wrapper, which pads every text to the
  tokenizer's maximum (short texts only, and fewer examples), and once with a wrapper that pads to the longest text of a
  batch;
- success rate, and forward and backward passes per example, of each search and of greedy search by deletion.

Everything is run in turns (A B A B …). Reported are medians, and the median of the ratios within each turn. Loading is
not timed. TextAttack runs in a separate environment (see ``textattack_peer.py``, which also lists how its attack
differs). It is made on the first run, which takes about two minutes and 2 GB. TextAttack's victim must give the same
logits, and the two attacks are compared example by example.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from transformers.utils import logging

from xltrobust import perturb
from xltrobust.encoders.batches import length_batches
from xltrobust.encoders.tokenization import Tokenization, TokenTable
from xltrobust.errors import one_line_errors
from xltrobust.example import Example
from xltrobust.models.classifier import RobustClassifier
from xltrobust.models.stored import load_run_model
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.perturbations.synonyms import SynonymSubstitution
from xltrobust.runs.folder import RunFolder
from xltrobust.text import word_table as word_tables

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "textattack-requirements.txt"
WITHOUT_DEPENDENCIES = ["textattack==0.3.11", "pinyin==0.4.0", "OpenHowNet==2.0"]
# TextAttack reads a list when it is imported, but this attack does not spare stop words. (NLTK's list is longer.)
STOP_WORDS = "a an and are as at be by for from in is it of on or that the this to was were with".split()
SHARE = 0.4
SAME_LOGITS = 1e-3
TOKENIZER_OPTIONS = ("pad_token", "unk_token", "bos_token", "eos_token", "cls_token", "sep_token", "mask_token")

DELETION = "greedy by deletion"
Times = dict[str, list[float]]


# Passes per example that the gradient search may use: chosen on the tasks' English dev sets, where its success rate was
# then at most one point below that of greedy search by deletion (short texts: 60 against 58 %; long: 47 against 48 %).
GRADIENT_BUDGET = {"short": 8, "long": None}


def searches(texts: str) -> dict[str, tuple[perturb.Search, int | None]]:
    """The searches to compare and their budgets, by their names in the table; the first is the reference."""
    return {
        DELETION: (perturb.GreedySearch(ranking="deletion"), None),
        "greedy by gradient": (perturb.GradientSearch(candidates_per_word=3), GRADIENT_BUDGET[texts]),
    }


class MemoryTokenization(Tokenization):
    """Tokenizes without the cache: a large set is not read from the file that an earlier turn wrote."""

    def __init__(self, name: str, max_length: int, clock: Clock) -> None:
        super().__init__(name, max_length)
        self.clock = clock

    def table(self, examples: Sequence[Example]) -> TokenTable:
        with self.clock.section("tokenization"):
            return self._tokenize(examples)


class Clock:
    """Seconds by section, without those of nested sections. Outside :meth:`running` it measures nothing."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def running(self, name: str) -> Iterator[dict[str, float]]:
        """Measures the block by sections, of which ``name`` is the outermost."""
        self.seconds.clear()
        self._open, self._since = [name], time.perf_counter()
        yield self.seconds
        self._count()
        self._open = []

    def enter(self, name: str) -> None:
        if self._open:
            self._count()
            self._open.append(name)

    def leave(self) -> None:
        if self._open:
            self._count()
            self._open.pop()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        self.enter(name)
        yield
        self.leave()

    def _count(self) -> None:
        now = time.perf_counter()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now


class Watched:
    """A victim that records the texts that it is asked about and measures its time."""

    def __init__(self, victim: ClassifierVictim, clock: Clock) -> None:
        self.victim, self.clock = victim, clock
        self.asked: list[Example] = []

    def __call__(self, examples: Sequence[Example]) -> np.ndarray:
        self.asked += examples
        with self.clock.section("batching"):
            return self.victim(examples)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.victim, name)  # gradients and word_vectors, if the victim has them

        def timed(*arguments: Any) -> Any:
            with self.clock.section("gradients"):
                return method(*arguments)

        return timed


@dataclass(frozen=True)
class Data:
    """A victim and what it is attacked with."""

    name: str
    module: RobustClassifier
    tokenization: MemoryTokenization
    examples: list[Example]
    synonyms: Path
    clock: Clock

    def victim(self) -> ClassifierVictim:
        """A new victim, without cached answers."""
        return ClassifierVictim(self.module, self.tokenization)

    def attack(
        self,
        search: perturb.Search,
        budget: int | None,
        examples: list[Example],
        victim: Watched | None = None,
    ) -> list[perturb.AttackResult]:
        """One attack, with all caches emptied before it."""
        forget()
        return perturb.attack(
            examples,
            victim or self.victim(),
            perturbation=SynonymSubstitution(tables={"en": str(self.synonyms)}),
            search=search,
            budget=budget,
            constraints=[perturb.MaxWordsChanged(share=SHARE)],
        )


def forget() -> None:
    """Empties the caches of the attack's functions, except for the synonym table, as loading is not timed."""
    modules = [module for name, module in sys.modules.items() if name.startswith("xltrobust.perturb.")]
    for function in (value for module in modules for value in vars(module).values()):
        if hasattr(function, "cache_clear") and function.__module__ != word_tables.__name__:
            function.cache_clear()


def load(name: str, run: str, synonyms: Path, count: int) -> Data:
    """The victim of a run, and a sample of its English test examples."""
    folder = RunFolder(run)
    module, plain = load_run_model(folder)
    clock = Clock()
    # These hooks measure only within `Clock.running`, and otherwise return at once.
    module.register_forward_pre_hook(lambda *_: clock.enter("forward"))
    module.register_forward_hook(lambda *_: clock.leave())
    rows = pd.read_parquet(folder.predictions)
    rows = rows[rows["attack"].isna() & (rows["split"] == "test") & rows["language"].isin(["en", "eng_Latn"])]
    rows = rows.sample(min(count, len(rows)), random_state=0)
    columns = (rows[column].tolist() for column in ("id", "text", "label"))
    examples = [Example(name, "en", text, label) for name, text, label in zip(*columns, strict=True)]
    tokenization = MemoryTokenization(plain.name, plain.max_length, clock)
    SynonymSubstitution(tables={"en": str(synonyms)}).replacements("-", "en")  # the table stays in memory
    return Data(name, module, tokenization, examples, synonyms, clock)


class Peer:
    """TextAttack in a separate process, attacking the same victim.

    Args:
        python: the interpreter of TextAttack's environment.
        data: the data set with the victim.
        synonyms: the synonym table.
        threads: the number of threads of PyTorch and of the tokenizer.
    """

    def __init__(self, python: Path, data: Data, synonyms: Path, threads: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        victim, environment = Path(self._folder.name) / "victim", python.parent.parent
        write_victim(data, victim)
        variables = {
            "NLTK_DATA": environment / "nltk_data",
            "TA_CACHE_DIR": environment / "cache",
            "FLAIR_CACHE_ROOT": environment / "cache",
        } | {name: threads for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")}
        command = [python, HERE / "textattack_peer.py", victim, "--synonyms", synonyms, "--threads", threads]
        self._log = tempfile.TemporaryFile("w+", encoding="utf8")
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            encoding="utf8", env=os.environ | {name: str(value) for name, value in variables.items()},
        )  # fmt: skip

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The answer to a request, which names a method of the peer."""
        try:
            print(json.dumps({"do": do} | request), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            pass  # its error is read below
        answer = self._process.stdout.readline()  # type: ignore[union-attr]
        if not answer:
            self._log.seek(0)
            sys.exit("TextAttack's process ended: " + "".join(self._log.readlines()[-12:]))
        return json.loads(answer)

    def attack(self, wrapper: str, examples: list[Example]) -> dict[str, Any]:
        return self.ask("attack", wrapper=wrapper, examples=[(example.text, example.label) for example in examples])


def write_victim(data: Data, directory: Path) -> None:
    """Writes the files from which another version of transformers can rebuild the victim."""
    module, tokenizer = data.module, data.tokenization.tokenizer
    logging.disable_progress_bar()
    module.encoder.save_pretrained(directory)
    head = {
        f"{name}.{key}": value
        for name in ("dense", "out")
        for key, value in module.get_submodule(name).state_dict().items()
    }
    save_file(head, directory / "head.safetensors")
    tokenizer.backend_tokenizer.save(str(directory / "tokenizer.json"))
    options = {name: getattr(tokenizer, name) for name in (*TOKENIZER_OPTIONS, "model_max_length", "model_input_names")}
    victim = {
        "pooling": module.pooling,
        "max_length": data.tokenization.max_length,
        "share": SHARE,
        "tokenizer": options,
    }
    (directory / "victim.json").write_text(json.dumps(victim), encoding="utf8")


def peer_python(environment: Path) -> Path:
    """The interpreter of TextAttack's environment, which is made or completed if necessary."""
    python, complete = environment / "bin" / "python", environment / "complete.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf8")
    if not complete.exists() or complete.read_text(encoding="utf8") != wanted:
        print(f"Making TextAttack's environment in {environment} …", file=sys.stderr, flush=True)
        if not python.exists():
            venv.create(environment, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
        subprocess.run([*pip, "--no-deps", *WITHOUT_DEPENDENCIES], check=True)
        stop_words = environment / "nltk_data" / "corpora" / "stopwords" / "english"
        stop_words.parent.mkdir(parents=True, exist_ok=True)
        stop_words.write_text("\n".join(STOP_WORDS) + "\n", encoding="utf8")
        complete.write_text(wanted, encoding="utf8")
    return python.absolute()


def seconds(function: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@torch.no_grad()
def forward_seconds(data: Data, asked: list[Example]) -> float:
    """Seconds of the forward passes alone, on the batches that the victim makes of the texts."""
    table = data.tokenization.table(asked)
    batches = [
        data.tokenization.collate([table.row(i) for i in indices], to_grid=True)
        for indices in length_batches(table.lengths.tolist(), data.victim().max_tokens)
    ]
    return seconds(lambda: [data.module(batch) for batch in batches])


def check_logits(data: Data, peer: Peer) -> None:
    """Ends the benchmark if the victims of the two sides do not give the same logits."""
    theirs = np.array(peer.ask("logits", texts=[example.text for example in data.examples])["logits"])
    difference = float(np.abs(data.victim()(data.examples) - theirs).max())
    if not difference < SAME_LOGITS:
        sys.exit(f"{data.name} texts: the logits of TextAttack's victim differ by up to {difference:.2g}.")
    print(f"{data.name} texts: {len(data.examples)} examples, logits differ by at most {difference:.1e}.")


def measure(data: Data, peer: Peer, given: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of one data set."""
    check_logits(data, peer)
    found, results = searches(data.name), {}
    asked: list[Example] = []
    for name, recipe in found.items():
        watched = Watched(data.victim(), data.clock)
        with data.clock.running("search") as sections:
            results[name] = data.attack(*recipe, data.examples, watched)
        asked = asked or watched.asked
        if given.profile:
            attack = dict(sections)
            with data.clock.running("batching") as sections:
                data.victim()(watched.asked)
            print_profile(f"{name}, {data.name} texts", attack, dict(sections), len(watched.asked))
    theirs = peer.attack("dynamic", data.examples)  # also warms up
    compare(data.name, results[DELETION], theirs)

    slow = data.examples[: given.slow_examples] if data.name == "short" else []
    times: Times = {}
    for turn in range(given.rounds):
        print(f"{data.name} texts, turn {turn + 1} of {given.rounds} …", file=sys.stderr, flush=True)
        for name, recipe in found.items():
            note(times, name, seconds(partial(data.attack, *recipe, data.examples)))
            if name == DELETION:
                note(times, "raw", seconds(partial(data.victim(), asked)))
                note(times, "forward", forward_seconds(data, asked))
        note(times, "dynamic", peer.attack("dynamic", data.examples)["seconds"])
        if slow:
            note(times, "few", seconds(partial(data.attack, *found[DELETION], slow)))
            note(times, "as it comes", peer.attack("as it comes", slow)["seconds"])
    return rows(data, times, results, theirs, len(asked), len(slow))


def note(times: Times, name: str, value: float) -> None:
    times.setdefault(name, []).append(value)


def rows(
    data: Data,
    times: Times,
    results: dict[str, list[perturb.AttackResult]],
    theirs: dict[str, Any],
    asked: int,
    slow: int,
) -> list[dict[str, Any]]:
    """The table's rows, from the seconds of each turn."""

    def rate(count: int, name: str) -> list[float]:
        return [count / elapsed for elapsed in times[name]]

    def add(name: str, ours: list[float], reference: list[float], unit: str) -> None:
        made.append(row(f"{data.name}: {name}", ours, reference, unit))

    made: list[dict[str, Any]] = []
    count = len(data.examples)
    add(f"{DELETION} / victim in one call", rate(asked, DELETION), rate(asked, "raw"), "texts/s")
    add(f"{DELETION} / encoder without tokenization", rate(asked, DELETION), rate(asked, "forward"), "texts/s")
    if slow:
        add(f"{DELETION} / TextAttack as it comes", rate(slow, "few"), rate(slow, "as it comes"), "examples/s")
    for name in results:
        add(f"{name} / TextAttack, dynamic padding", rate(count, name), rate(count, "dynamic"), "examples/s")
    attacked = theirs["skipped"].count(False)
    success = [theirs["broken"].count(True) / max(1, attacked)]
    add(f"{DELETION} / TextAttack, success", [success_of(results[DELETION])], success, "share")
    add(f"{DELETION} / TextAttack, cost", [asked / count], [theirs["texts"] / count], "texts/example")
    for name, attacked_by in results.items():
        if name != DELETION:
            reference = results[DELETION]
            add(f"{name} / {DELETION}, success", [success_of(attacked_by)], [success_of(reference)], "share")
            add(f"{name} / {DELETION}, cost", [cost_of(attacked_by)], [cost_of(reference)], "passes/example")
    return made


def was_attacked(result: perturb.AttackResult) -> bool:
    """Whether the original was classified correctly."""
    return not result.broken or result.adversarial is not None


def success_of(results: list[perturb.AttackResult]) -> float:
    """The share of the attacked examples that are broken."""
    attacked = [result for result in results if was_attacked(result)]
    return sum(result.broken for result in attacked) / max(1, len(attacked))


def cost_of(results: list[perturb.AttackResult]) -> float:
    """Forward and backward passes per attacked example."""
    attacked = [result for result in results if was_attacked(result)]
    return sum(result.queries + getattr(result, "backwards", 0) for result in attacked) / max(1, len(attacked))


def compare(name: str, ours: list[perturb.AttackResult], theirs: dict[str, Any]) -> None:
    """Prints how far the two attacks agree, example by example; warns if they differ too much to be compared."""
    both = [
        (result, broken, queries)
        for result, skipped, broken, queries in zip(
            ours, *(theirs[k] for k in ("skipped", "broken", "queries")), strict=True
        )
        if was_attacked(result) and not skipped
    ]
    count = max(1, len(both))
    agreed = sum(result.broken == broken for result, broken, _ in both) / count
    success = [sum(result.broken for result, _, _ in both) / count, sum(broken for _, broken, _ in both) / count]
    queries = [sum(result.queries for result, _, _ in both) / count, sum(number for _, _, number in both) / count]
    print(
        f"{name} texts, {len(both)} attacked on both sides: success {success[0]:.1%} here and {success[1]:.1%} there, "
        f"the same outcome for {agreed:.1%}; {queries[0]:.1f} and {queries[1]:.1f} queries each (TextAttack counts "
        "repeated texts, and ranks words that it cannot change)."
    )
    if len(both) != len(ours) - theirs["skipped"].count(True) or (count >= 20 and agreed < 0.8):
        print("WARNING: the two attacks disagree too often to compare their speed.")


def print_profile(title: str, attack: dict[str, float], alone: dict[str, float], texts: int) -> None:
    """Prints where the time of an attack goes, and that of the victim when given the same texts at once."""
    total = sum(attack.values())
    print(f"\nProfile of {title}: {texts:,} texts, one run each")
    print(f"{'':14} {'attack, s':>10} {'share':>7} {'one call, s':>12}")
    for name in sorted(attack.keys() | alone.keys(), key=lambda name: -attack.get(name, 0.0)):
        print(
            f"{name:14} {attack.get(name, 0.0):10.3f} {attack.get(name, 0.0) / total:7.1%} {alone.get(name, 0.0):12.3f}"
        )
    print(f"{'all':14} {total:10.3f} {1:7.1%} {sum(alone.values()):12.3f}\n")


def row(name: str, ours: list[float], reference: list[float], unit: str) -> dict[str, Any]:
    """One row of the table: medians, and the median of the ratios within each turn."""
    ratio = statistics.median(a / b for a, b in zip(ours, reference, strict=True)) if all(reference) else None
    medians = {"ours": statistics.median(ours), "reference": statistics.median(reference)}
    return {"name": name, **medians, "ratio": ratio, "unit": unit, "runs": len(ours)}


def run(given: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of all data sets."""
    os.environ["RAYON_NUM_THREADS"] = str(given.threads)  # read when the tokenizer is first used
    torch.set_num_threads(given.threads)
    synonyms = given.synonyms.resolve()
    python = peer_python(given.peer_env)
    table: list[dict[str, Any]] = []
    for name in given.texts:
        data = load(name, given.short if name == "short" else given.long, synonyms, given.examples)
        with Peer(python, data, synonyms, given.threads) as peer:
            table += measure(data, peer, given)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", default="runs/quickstart", metavar="RUN", help="run on short texts")
    parser.add_argument("--long", default="runs/sib200", metavar="RUN", help="run on long texts")
    parser.add_argument("--synonyms", type=Path, default=HERE / "../../shared/data/counterfitted_neighbors.json")
    parser.add_argument("--texts", nargs="+", choices=("short", "long"), default=("short", "long"))
    parser.add_argument("--examples", type=int, default=100, help="of each data set")
    parser.add_argument("--slow-examples", type=int, default=40, help="for TextAttack as it comes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-env", type=Path, default=Path(".venv-textattack"), metavar="DIR")
    parser.add_argument("--profile", action="store_true", help="also show where the time of each attack goes")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with one_line_errors("attack_speed"):
        table = run(given)
    width = max(len(line["name"]) for line in table)
    print(f"\n{'':{width}} {'ours':>10} {'reference':>10} {'ratio':>7} {'unit':14} {'runs':>4}")
    for line in table:
        print(f"{line['name']:{width}} {line['ours']:10.3f} {line['reference']:10.3f}", end=" ")
        print(f"{line['ratio'] or math.nan:7.3f} {line['unit']:14} {line['runs']:4}")
    if given.json:
        given.json.write_text(json.dumps({"rows": table}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""What a run was: method, data, encoder, processor, commit, command, parallel text, compute."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xltrobust.errors import UserError
from xltrobust.report.blocks import Block, Code, Facts
from xltrobust.report.summary import Summary
from xltrobust.report.tables.base import count_range, percent
from xltrobust.report.visible import visible
from xltrobust.runs.folder import RunFolder


def about(summary: Summary) -> list[Block]:
    """What a run was and what it ran on, as far as it is recorded, and the command that made it, to be pasted."""
    results = summary.run.results
    versions, commit = results.get("versions") or {}, results.get("commit")
    data, oracle = results.get("data") or {}, results.get("oracle") or {}
    facts: dict[str, Any] = {
        "method": _method(results.get("regularizers")),
        "weights by gradient": gradient_shares(results.get("gradient_shares") or {}),
        "data set": _data_set(summary),
        "encoder": results.get("encoder"),
        "source": results["source"],
        "seed": results.get("seed"),
        "seed of the head": results.get("head_seed"),
        "created": results.get("created"),
        "commit": commit and f"{commit}{' (with local changes)' * bool(results.get('dirty'))}",
        "processor": processor(results.get("machine") or {}),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "weights tested": weights_tested(results.get("checkpoint") or {}),
        "parallel text": _parallel(data.get("parallel") or {}),
        "words with a translation": ", ".join(
            f"{language} {percent(share)} %" for language, share in (data.get("words_with_translation") or {}).items()
        ),
        "suites of attacks": ", ".join(
            f"{name} (definition {suite['hash'][:12]}{_together(suite.get('together') or {})})"
            for name, suite in (results.get("suites") or {}).items()
        ),
        "encoder passes": _passes(results.get("passes") or {}),
        "task loss": _task_loss(results.get("passes") or {}),
        "pairs trained on": _visits(results.get("pairs") or {}),
        "seconds": ", ".join(f"{name} {value}" for name, value in (results.get("seconds") or {}).items()),
    }
    if {"chosen_target_dev_acc", "best_target_dev_acc"} <= set(oracle):
        chosen, best = oracle["chosen_target_dev_acc"], oracle["best_target_dev_acc"]
        facts["target dev accuracy"] = (
            f"{percent(chosen)} in the epoch chosen by the source; an oracle that chose by the targets: {percent(best)}"
        )
    found: list[Block] = [Facts({name: str(value) for name, value in facts.items() if value not in (None, "")})]
    command = results.get("command")
    if isinstance(command, list) and command:
        found.append(Code(pasted([str(argument) for argument in command]), "bash"))
    return found


def pasted(command: Sequence[str]) -> str:
    """A recorded command as one line that a shell (bash, zsh) takes back.

    Invisible characters, line ends and direction overrides among them, are written as ``$'…'``.

    Args:
        command: the program, which may be two words and a module (``python -m xltrobust.fit``), and its arguments.

    >>> print(pasted(["python -m xltrobust.fit", "--config", "a b.yaml", "it's", "x\u202ey"]))
    python -m xltrobust.fit --config 'a b.yaml' 'it'"'"'s' $'x\u202ey'
    """
    program, *arguments = command
    words = program.split() if program.startswith(("python -m ", "xltrobust ")) else [program]
    return " ".join(_quoted(word) for word in [*words, *arguments])


def _quoted(word: str) -> str:
    if visible(word) == word:
        return shlex.quote(word)
    escapes = {"\\": "\\\\", "'": "\\'"}
    return "$'" + "".join(escapes.get(c) or (c if visible(c) == c else _code_point(c)) for c in word) + "'"


def _code_point(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _method(regularizers: Mapping[str, Mapping[str, Any]] | None) -> str:
    """The regularizers with those of their arguments that are set; empty where a run does not say."""
    if regularizers is None:
        return ""
    if not regularizers:
        return "plain fine-tuning, no regularizer"
    return ", ".join(
        called({key: value for key, value in record.items() if (key, value) != ("name", name)})
        for name, record in regularizers.items()
    )


def gradient_shares(records: Mapping[str, Mapping[str, Any]]) -> str:
    """The weights of terms and the shares that they give these; empty where nothing was measured."""
    return ", ".join(
        f"{name} {own['weight']:.4g} ({own['share']:.3g} of the task's gradient over {own['steps']} steps"
        f"{'; the weight was given' * own['weight_given']})"
        for name, own in records.items()
        if own["share"] is not None
    )


def called(value: Any) -> str:
    """A recorded object as the call that makes it."""
    if not isinstance(value, dict):
        return str(value)
    arguments = [f"{name}={called(part)}" for name, part in value.items() if name != "class" and part is not None]
    return f"{value.get('class', '')}({', '.join(arguments)})"


def _data_set(summary: Summary) -> str:
    """The task, where its files were, and how many examples it had: in training, and a language in the test."""
    results = summary.run.results
    facts = [str(results.get("task") or "")]
    if folder := _data_folder(summary):
        facts.append(f"from {folder}")
    examples = (results.get("data") or {}).get("examples")
    if not isinstance(examples, dict):
        return " ".join(filter(None, facts))
    counts = []
    if train := examples.get("train"):
        counts.append(f"training: {_counted(train.values())} in {', '.join(train)}")
    if tested := examples.get(summary.split):
        many = f"in each of {len(tested)} languages" if len(tested) > 1 else f"in {next(iter(tested))}"
        counts.append(f"{summary.split}: {_counted(tested.values())} {many}")
    return "; ".join([" ".join(filter(None, facts)), *counts])


def _counted(counts: Iterable[int]) -> str:
    return count_range(list(counts)).removeprefix("n = ")


def _data_folder(summary: Summary) -> str | None:
    """The folder that the task was read from, by the run's configuration, where it has one."""
    folder = RunFolder(summary.run.path)
    if not folder.config.exists():
        return None
    try:
        return folder.option("data.init_args.data_dir", str)
    except UserError:
        return None  # a task that comes with the package, or a configuration of another layout


def processor(machine: Mapping[str, Any]) -> str:
    facts = [machine.get("processor"), machine.get("instructions")]
    if machine.get("threads"):
        facts.append("1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads")
    if machine.get("accelerator"):
        facts.append(f"{machine.get('devices', 1)} × {str(machine['accelerator']).removesuffix('Accelerator')}")
    if machine.get("precision"):
        facts.append(f"precision {machine['precision']}")
    return ", ".join(str(fact) for fact in facts if fact)


def _parallel(record: Mapping[str, Any]) -> str:
    """Which sentence pairs a run had; empty if none."""
    if not record:
        return ""
    sources = ", ".join(f"{source['source']} {source['version']} ({source['licence']})" for source in record["sources"])
    # Results of before there were neutral controls do not say of which kind theirs is.
    neutral = record.get("control_kind") == "neutral"
    kind = "neutral" if neutral else "bounds the harm of bad alignment, not to be subtracted"
    control = f"; control: {record['control']} ({kind})" if record.get("control") else ""
    return f"{record['pairs']:,} sentence pairs of {sources}, {record['hash'][:12]}{control}"


def weights_tested(checkpoint: Mapping[str, Any]) -> str:
    """Which weights of the training were tested; empty where a run does not say."""
    name, averaging = checkpoint.get("weights"), checkpoint.get("averaging")
    if name == "best":
        attack = str(checkpoint.get("chosen_by")).partition("adv_acc/")[2]
        return f"the best epoch's, by the source dev set{f' under {attack}' if attack else ''}"
    if name == "last":
        return "the last step's"
    if not isinstance(averaging, Mapping):
        return ""
    if "decay" in averaging:
        return f"averaged: exponential mean over {averaging['updates']} steps, decay {averaging['decay']}"
    if "seeds" in averaging:
        seeds = ", ".join(map(str, averaging["seeds"]))
        return f"averaged: mean of {len(averaging['seeds'])} runs' {averaging['weights']} weights, of seeds {seeds}"
    steps = averaging["steps"]
    moments = f"every {averaging['every']} steps" if averaging.get("every") else "ends of epochs"
    return f"averaged: mean of {len(steps)} ({moments}: after step {', '.join(map(str, steps))})"


def _passes(counts: Mapping[str, float]) -> str:
    """What training cost; empty where a run does not say."""
    if not counts.get("train_tokens"):
        return ""
    kinds = (("forwards", "forward"), ("backwards", "backward"), ("input_backwards", "input-only backward"))
    shares = ", ".join(f"{counts[f'{kind}_tokens'] / counts['train_tokens']:.2f} {name}" for kind, name in kinds)
    return f"{shares} over the training set, worth {counts['plain_passes']:.2f} plain passes"


def _together(record: Mapping[str, Any]) -> str:
    """How a suite was run whose attacks were tried until one broke the example; empty if all were tried on all."""
    if not record.get("examples"):
        return ""
    passes = (record["queries"] + record["backwards"]) / record["examples"]
    return f"; on {record['examples']:,} examples until an attack broke them: {passes:.1f} passes an example"


def _task_loss(counts: Mapping[str, float]) -> str:
    """How often the task was trained; empty where a run does not say."""
    if "task_steps" not in counts:
        return ""
    return f"{counts['task_steps']:,} steps, {counts['task_examples']:,} labelled examples"


def _visits(record: Mapping[str, Any]) -> str:
    """How many sentence pairs were trained on; empty where a run does not say, or had none."""
    if not record:
        return ""
    found = f"{record['distinct']:,} of {record['of']:,}, in {record['visited']:,} visits"
    return f"{found} ({record['hash'][:12]})" if record["visited"] else "none"

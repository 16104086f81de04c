"""A report names what was run, and its command can be pasted, whatever is in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from report_runs import write_run

from xltrobust.report import write_report
from xltrobust.report.about import pasted
from xltrobust.report.blocks import Code
from xltrobust.report.markdown import to_markdown

ARGUMENTS = [
    "a b.yaml", "it's", "--lr=1e-4", "`touch x`", "$(touch x)", "x\u202ey", "two\nlines", "```", "</code><b>", "\\'",
    "a|b", "", "\U000e0041",
]  # fmt: skip


def facts(folder: Path, **results: object) -> dict[str, str]:
    text = write_report([write_run(folder, **results)]).markdown.read_text(encoding="utf8")
    lines = [line for line in text.split("\n\n")[2].splitlines() if line.startswith("| ")][1:]
    return dict(line.strip("| ").split(" | ", 1) for line in lines)


def test_the_command_is_one_that_a_shell_takes_back(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", command=["python -m xltrobust.fit", *ARGUMENTS])
    text = write_report([path]).markdown.read_text(encoding="utf8")
    start = text.index("````bash\n") + len("````bash\n")
    command = text[start : text.index("\n````\n", start)]
    assert command.startswith("python -m xltrobust.fit 'a b.yaml' ") and "\n" not in command and "\u202e" not in command
    said = subprocess.run(
        ["bash", "-c", f'python() {{ printf "%s\\0" "$@"; }}; {command}'],
        capture_output=True, check=True, cwd=tmp_path, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert said.stdout.decode().split("\0")[:-1] == ["-m", "xltrobust.fit", *ARGUMENTS]
    assert not (tmp_path / "x").exists()
    assert pasted(["fit it.py"]) == "'fit it.py'"


@pytest.mark.parametrize("text", ["```", "a\n````\n# b", "x ` y"])
def test_nothing_in_a_block_of_code_ends_it(text: str) -> None:
    first, *lines, last = to_markdown([(2, Code(text, "bash"))]).splitlines()
    assert first == f"{last}bash" and set(last) == {"`"} and "\n".join(lines) == text
    assert not any(line.startswith(last) for line in lines)


def test_a_run_names_its_method_data_and_processor(tmp_path: Path) -> None:
    ball = {"class": "Ball", "epsilon": 0.1, "warmup": None}
    regularizers = {
        "adversarial_training": {
            "class": "AdversarialTraining",
            "ball": ball,
            "weight": 1.0,
            "name": "adversarial_training",
        },
        "mine": {"class": "CodeSwitching", "words": 0.6, "name": "mine"},
    }
    machine = {
        "processor": "Some <CPU>",
        "instructions": "AVX2",
        "threads": 1,
        "devices": 2,
        "accelerator": "CUDAAccelerator",
    }
    examples = {"train": {"en": 1303}, "test": {"en": 40, "de": 30}}
    measured = {"weight": 0.07709, "share": 0.5, "weight_given": False, "steps": 20}
    shares = {"mine": measured, "other": measured | {"weight_given": True}, "none": measured | {"share": None}}
    found = facts(
        tmp_path / "run", regularizers=regularizers, machine=machine, data={"examples": examples},
        gradient_shares=shares,
    )  # fmt: skip
    of = "0.07709 (0.5 of the task's gradient over 20 steps"
    assert found["weights by gradient"] == f"mine {of}), other {of}; the weight was given)"
    assert found["method"] == "AdversarialTraining(ball=Ball(epsilon=0.1), weight=1.0), CodeSwitching(words=0.6)"
    assert found["data set"] == "XNLI; training: 1,303 in en; test: 30–40 in each of 2 languages"
    assert found["processor"] == "Some &lt;CPU&gt;, AVX2, 1 thread, 2 × CUDA"
    assert found["commit"] == "abc (with local changes)" and found["encoder"] == "mini&#95;lm"


def test_plain_training_and_the_folder_of_the_data(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", regularizers={}, data={})
    config = "data:\n  class_path: xltrobust.datamodules.LocalClassification\n  init_args:\n    data_dir: data/sib200\n"
    (folder / "config.yaml").write_text(config)
    text = write_report([folder]).markdown.read_text(encoding="utf8")
    assert "| method | plain fine-tuning, no regularizer |" in text and "| data set | XNLI from data/sib200 |" in text
    # What an older run does not say is not guessed, and a configuration that cannot be read hides nothing else.
    (folder / "config.yaml").write_text("data: [")
    assert "| data set | XNLI |" in write_report([folder]).markdown.read_text(encoding="utf8")
    assert "method" not in facts(tmp_path / "older")


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [
        ({"weights": "best", "chosen_by": "val/source_acc"}, "the best epoch's, by the source dev set"),
        ({"weights": "best", "chosen_by": "val/source_adv_acc/typo"}, "by the source dev set under typo"),
        ({"weights": "last", "averaging": None}, "the last step's"),
        (
            {"weights": "averaged", "averaging": {"every": None, "steps": [7, 14]}},
            "averaged: mean of 2 (ends of epochs: after step 7, 14)",
        ),
        (
            {"weights": "averaged", "averaging": {"every": 5, "steps": [5, 10]}},
            "averaged: mean of 2 (every 5 steps: after step 5, 10)",
        ),
        (
            {"weights": "averaged", "averaging": {"every": None, "decay": 0.9, "updates": 8}},
            "averaged: exponential mean over 8 steps, decay 0.9",
        ),
        (
            {"weights": "averaged", "averaging": {"weights": "last", "seeds": [3, 1]}},
            "averaged: mean of 2 runs' last weights, of seeds 3, 1",
        ),
    ],
)
def test_a_run_says_which_weights_were_tested(tmp_path: Path, checkpoint: dict, words: str) -> None:
    assert facts(tmp_path / "run", checkpoint=checkpoint)["weights tested"].endswith(words)
    assert "weights tested" not in facts(tmp_path / "older", checkpoint={"path": "checkpoints/best.ckpt"})


def test_heads_say_what_averages_are_over(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, name=name) for name in "ab"]
    text = write_report(runs, tmp_path / "out").markdown.read_text(encoding="utf8")
    assert "## avg (targets): accuracy in %, test, on the examples and languages that all runs share; attacked" in text
    assert "## clean: accuracy in %, test, on the examples and languages that all runs share\n" in text
    assert "## a: accuracy in %, test; attacked" in text  # each of its columns has all of its languages

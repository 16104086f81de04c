"""Options and inputs of the commands besides ``fit`` that are wrong."""

from __future__ import annotations

import yaml
from malformed.models import MODEL
from malformed.runs import BOMB
from malformed.workplace import ATTACK, REMOVED, Case, Damage, setting, write

_RUN = "--run run --attack attack.yaml"
_FILES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "empty": (write("attack.yaml", ""), ("attack.yaml",)),
    "list": (write("attack.yaml", "[1, 2]\n"), ("attack.yaml",)),
    "bomb": (write("attack.yaml", BOMB), ("attack.yaml", "alias")),
    "twice": (write("attack.yaml", yaml.safe_dump(ATTACK) + "budget: 1\nbudget: 2\n"), ("attack.yaml", "budget")),
    "no search": (
        write("attack.yaml", yaml.safe_dump({"perturbation": ATTACK["perturbation"]})),
        ("attack.yaml", "search"),
    ),
    "unknown class": (
        setting("search.class_path", "xltrobust.perturb.Nothing", "attack.yaml"),
        ("attack.yaml", "Nothing"),
    ),
    "unknown option": (setting("search.init_args.nothing", 1, "attack.yaml"), ("attack.yaml", "nothing")),
    "constraints": (
        setting("constraints", [{"class_path": "os.getcwd"}], "attack.yaml"),
        ("attack.yaml", "constraints"),
    ),
    "encoder": (
        setting(
            "constraints",
            [{"class_path": "xltrobust.perturb.SemanticSimilarity", "init_args": {"encoder": "nowhere"}}],
            "attack.yaml",
        ),
        ("nowhere",),
    ),
}
_CONFIG: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "list": (write("config.yaml", "[1]"), ("config.yaml",)),
    "bomb": (write("config.yaml", BOMB), ("config.yaml", "alias")),
    "no data": (setting("data", REMOVED), ("config.yaml", "data")),
    "init_args a list": (setting("data.init_args", [1]), ("config.yaml", "data")),
    "labels": (setting("data.init_args.labels", ["red", "red", "blue"]), ("config.yaml", "labels", "red")),
    "language": (setting("data.init_args.languages", ["german"]), ("config.yaml", "languages", "german")),
}
_PREDICT: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "Latin-1": (b"a\ngr\xfcn\n", (":2", "UTF-8")),
    "tab": (b"a\nb\tc\n", (":2", "2 fields")),
    "carriage return inside": (b"a\nb\rc\n", (":2", "carriage return")),
    "byte order mark inside": (b"a\n\xef\xbb\xbfb\n", (":2", "byte order mark")),
    "null character": (b"a\nb\0c\n", (":2", "null")),
}

CASES: dict[str, Case] = {}
for kind, (damage, says) in _FILES.items():
    CASES[f"attack: file {kind}"] = Case("attack", _RUN, says, (damage,))
for kind, (damage, says) in _CONFIG.items():
    CASES[f"attack --model: config.yaml {kind}"] = Case("attack", MODEL, says, (damage,))
for options, says in {
    "--attack nothing": ("nothing",),
    "--attack a/b=attack.yaml": ("a/b",),
    "--attack =attack.yaml": ("attack.yaml",),
    "--attack x=": ("x=",),
    f"{_RUN[10:]} --languages xx": ("languages", "xx"),
    f"{_RUN[10:]} --languages german": ("languages", "german"),
    f"{_RUN[10:]} --max_examples 0": ("max_examples", "0"),
    f"{_RUN[10:]} --max_examples -1": ("max_examples", "-1"),
    f"{_RUN[10:]} --max_examples few": ("max_examples", "few"),
    f"{_RUN[10:]} --seed -1": ("seed", "-1"),
    f"{_RUN[10:]} --devices 0": ("devices", "0"),
    f"{_RUN[10:]} --devices -1": ("devices", "-1"),
    f"{_RUN[10:]} --accelerator cuda": ("accelerator", "cuda"),
    f"{_RUN[10:]} --accelerator abacus": ("accelerator", "abacus"),
    f"{_RUN[10:]} --precision 7": ("precision", "7"),
    f"{_RUN[10:]} --similarity nowhere": ("nowhere",),
    "--attack typo --replay nowhere": ("nowhere",),
    "--attack nothing --replay run": ("nothing", "typo"),
    "--attack typo --replay attack.yaml": ("attack.yaml",),
}.items():
    CASES[f"attack: {options}"] = Case("attack", f"--run run {options}", says)
CASES |= {
    "attack: nothing at all": Case("attack", "", ("--run", "--model")),
    "attack: run missing": Case("attack", "--run nowhere --attack attack.yaml", ("nowhere",)),
    "attack --model: no output": Case(
        "attack", "--model classifier --config config.yaml --attack attack.yaml", ("--output",)
    ),
    "attack --model: output below a file": Case(
        "attack", MODEL.replace("attacked", "attack.yaml/b"), ("attack.yaml/b",)
    ),
    "attack --model: output of another": Case(
        "attack", MODEL.replace("attacked", "run"), ("run holds results of encoder",)
    ),
    "attack --model: output broken": Case(
        "attack", MODEL, ("attacked/results.json",), (write("attacked/results.json", "[]"),)
    ),
    "predict: run a file": Case("predict", "--run attack.yaml -", ("attack.yaml",)),
    "predict: file missing": Case("predict", "--run run nowhere", ("nowhere",)),
    "predict: folder": Case("predict", "--run run data", ("data",)),
    "predict: no file": Case("predict", "--run run", ("file",)),
    "predict: language": Case("predict", "--run run --language german -", ("language", "german")),
    "export: folder exists": Case("export", "--run run data", ("data", "exists")),
    "export: below a file": Case("export", "--run run attack.yaml/exported", ("attack.yaml/exported",)),
    "export: no folder": Case("export", "--run run", ("directory",)),
    "report: run missing": Case("report", "nowhere", ("nowhere",)),
    "report: split": Case("report", "run --split nothing", ("nothing",)),
    "report: sort": Case("report", "run --sort nothing", ("sort", "nothing")),
    "report: one run twice": Case("report", "run run", ("run",)),
    "report: output below a file": Case("report", "run --output attack.yaml/a", ("attack.yaml/a",)),
    "report: nothing at all": Case("report", "", ("RUN",)),
    "report: seed a text": Case(
        "report", "run", ("run/results.json", "seed"), (setting("seed", "a", "run/results.json"),)
    ),
    "report: figures a list": Case(
        "report", "run", ("run/results.json", "figures"), (setting("figures", [1], "run/results.json"),)
    ),
    "report.seeds: folder missing": Case("report.seeds", "nowhere", ("nowhere",)),
    "report.seeds: split": Case("report.seeds", "seeds/plain --split nothing", ("nothing",)),
    "report.seeds: no seed in common": Case(
        "report.seeds", "seeds/plain seeds/other", ("seed",), (setting("seed", 5, "seeds/other/a/results.json"),)
    ),
    "report.seeds: no seed": Case(
        "report.seeds",
        "seeds/plain",
        ("seeds/plain/a/results.json", "seed"),
        (setting("seed", REMOVED, "seeds/plain/a/results.json"),),
    ),
    "report.seeds: seed a list": Case(
        "report.seeds",
        "seeds/plain",
        ("seeds/plain/a/results.json", "seed"),
        (setting("seed", [1], "seeds/plain/a/results.json"),),
    ),
    "report.seeds: output below a file": Case(
        "report.seeds", "seeds/plain --output attack.yaml/a", ("--output", "attack.yaml")
    ),
}
for kind, (stdin, says) in _PREDICT.items():
    CASES[f"predict: standard input {kind}"] = Case("predict", "--run run -", ("-", *says), stdin=stdin)
for kind in ("Latin-1", "carriage return inside"):
    stdin, says = _PREDICT[kind]
    CASES[f"predict: file {kind}"] = Case(
        "predict", "--run run own.txt", ("own.txt", *says), (write("own.txt", stdin),)
    )
for what, broken in {
    "list": write("seeds/plain/a/results.json", "[]"),}.items():  # fmt: skip
    CASES[f"report.seeds: results.json {what}"] = Case(
        "report.seeds", "seeds/plain", ("seeds/plain/a/results.json",), (broken,)
    )

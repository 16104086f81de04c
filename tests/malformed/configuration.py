"""Configurations and options of ``fit`` that are wrong."""

from __future__ import annotations

from malformed.runs import BOMB, DEEP
from malformed.workplace import REMOVED, Case, Damage, setting, write

FIT = "--config config.yaml"

# The text of config.yaml, and what has to be named.
_TEXTS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "empty": (write("config.yaml", ""), ("config.yaml",)),
    "no-yaml": (write("config.yaml", "data: [a\nmodel:\n"), ("config.yaml:2",)),
    "binary": (write("config.yaml", bytes(range(256))), ("config.yaml",)),
    "list": (write("config.yaml", "[1, 2]\n"), ("config.yaml",)),
    "bomb": (write("config.yaml", BOMB), ("config.yaml", "alias")),
    "deep": (write("config.yaml", DEEP), ("config.yaml", "nested")),
    "python": (write("config.yaml", "data: !!python/object/apply:os.system [touch x]\n"), ("config.yaml:1",)),
    "twice": (
        write("config.yaml", "seed_everything: 1\nrun_dir: a\nseed_everything: 2\n"),
        ("config.yaml:3", "seed"),
    ),
    "itself": (write("config.yaml", "data: &a [*a]\n"), ("config.yaml", "alias")),
}

_DATA = "data.init_args"
# An option, its value, and what has to be named besides it.
_OPTIONS: list[tuple[str, object, tuple[str, ...]]] = [
    ("nonsense", 1, ("nonsense",)),
    ("data", REMOVED, ("data",)),
    ("data.class_path", "xltrobust.datamodules.Nothing", ("data", "Nothing")),
    ("data.class_path", "xltrobust.perturb.TypoPerturbation", ("data", "TypoPerturbation")),
    (f"{_DATA}.nonsense", 1, ("nonsense",)),
    (f"{_DATA}.data_dir", "nowhere", ("nowhere/en/train.tsv",)),
    (f"{_DATA}.data_dir", "config.yaml", ("config.yaml/en/train.tsv",)),
    (f"{_DATA}.batch_size", 0, ("batch_size", "0")),
    (f"{_DATA}.num_workers", -1, ("num_workers", "-1")),
    (f"{_DATA}.source", None, ("source",)),
    (f"{_DATA}.source", "german", ("source", "german")),
    (f"{_DATA}.languages", "de", ("languages", "de")),
    (f"{_DATA}.languages", ["german"], ("languages", "german")),
    (f"{_DATA}.languages", ["../../etc"], ("languages", "../../etc")),
    (f"{_DATA}.languages", {"de": ""}, ("languages", "de")),
    (f"{_DATA}.languages", {"de": "deutsch"}, ("data/deutsch/test.tsv",)),
    (f"{_DATA}.languages", ["fr"], ("data/fr/test.tsv",)),
    (f"{_DATA}.languages", None, ("languages",)),
    (f"{_DATA}.labels", ["red", "red", "blue", "green"], ("labels", "red")),
    (f"{_DATA}.labels", ["red"], ("labels", "red")),
    (f"{_DATA}.labels", ["red", "", "blue", "green"], ("labels",)),
    (f"{_DATA}.labels", ["red", "blue"], (":11", "green")),
    (f"{_DATA}.train", "train.parquet", ("train.parquet",)),
    (f"{_DATA}.test", "test.tsv", ("test", "language")),
    (f"{_DATA}.columns", {"text": "label", "label": "label"}, ("columns", "label")),
    (f"{_DATA}.columns", {"text": "absent"}, ("absent", "text")),
    (f"{_DATA}.header", ["id", "text", "text"], ("header", "text")),
    (f"{_DATA}.header", [], ("header",)),
    ("model.encoder_lr", -1.0, ("encoder_lr", "-1")),
    ("model.head_lr", -1e-3, ("head_lr", "-0.001")),
    ("model.head_lr", float("inf"), ("head_lr", "inf")),
    ("model.warmup", 2.0, ("warmup", "2")),
    ("model.pooling", "max", ("pooling", "max")),
    ("model.labels", ["a", "b"], ("model.labels",)),
    ("trainer.accelerator", "cuda", ("accelerator", "cuda")),
    ("trainer.accelerator", "abacus", ("accelerator", "abacus")),
    ("trainer.devices", 0, ("devices", "0")),
    ("trainer.devices", "few", ("devices",)),
    ("trainer.precision", "7-mixed", ("precision", "7-mixed")),
    ("trainer.max_epochs", -5, ("max_epochs", "-5")),
    ("trainer.gradient_clip_val", -1, ("gradient_clip_val", "-1")),
    ("trainer.accumulate_grad_batches", 0, ("accumulate_grad_batches", "0")),
    ("trainer.val_check_interval", 1000, ("val_check_interval", "1000")),
    ("trainer.check_val_every_n_epoch", 0, ("check_val_every_n_epoch", "0")),
    ("trainer.callbacks", [{"class_path": "xltrobust.regularizers.Nothing"}], ("callbacks", "Nothing")),
    ("seed_everything", -1, ("seed_everything", "-1")),
    ("seed_everything", "abc", ("seed_everything", "abc")),
    ("adversarial.max_examples", 0, ("max_examples", "0")),
    ("adversarial.attacks", ["typo"], ("attacks",)),
    ("adversarial.attacks.typo.budget", 0, ("budget", "0")),
    ("adversarial.attacks.typo.search.init_args.draws", 0, ("draws", "0")),
    ("adversarial.attacks.typo.perturbation.class_path", "xltrobust.perturb.Nothing", ("Nothing",)),
    ("best_checkpoint.attack", "nothing", ("best_checkpoint.attack", "nothing")),
    ("early_stopping.patience", -1, ("patience", "-1")),
    ("last_checkpoint.every_n_train_steps", -1, ("every_n_train_steps", "-1")),
    ("run_dir", "data/en/test.tsv", ("data/en/test.tsv",)),
    ("run_dir", "data/en/test.tsv/run", ("data/en/test.tsv/run",)),
    ("run_dir", "", ("run_dir",)),
    ("test_checkpoint", "nowhere.ckpt", ("nowhere.ckpt",)),
]
_NAMES = ("clean", "a/b", "")

CASES: dict[str, Case] = {
    f"fit: config.yaml {kind}": Case("fit", FIT, says, (damage,)) for kind, (damage, says) in _TEXTS.items()
}
for option, value, says in _OPTIONS:
    shown = "removed" if value is REMOVED else value
    CASES[f"fit: {option} {shown}"] = Case("fit", FIT, says, (setting(option, value),))
for name in _NAMES:
    attacks = {
        name: {
            "perturbation": {"class_path": "xltrobust.perturb.WordDropping"},
            "search": {"class_path": "xltrobust.perturb.RandomSearch"},
        }
    }
    CASES[f"fit: attack named {name!r}"] = Case(
        "fit", FIT, ("attack", repr(name)), (setting("adversarial.attacks", attacks),)
    )
CASES |= {
    "fit: max_passes 0": Case(
        "fit", FIT, ("max_passes", "0"), (setting("model.max_passes", 0), setting("trainer.max_epochs", None))
    ),
    "fit: another run's folder": Case(
        "fit", f"{FIT} --run_dir run", ("run holds another", "seed"), (setting("seed_everything", 8),)
    ),
    "fit: no such option": Case("fit", f"{FIT} --model.encoder_lrate 1", ("encoder_lrate",)),
    "fit: nothing at all": Case("fit", "", ("data",)),
    "fit: default loggers": Case(
        "fit",
        FIT,
        ("nowhere/en/train.tsv",),
        (setting("trainer.logger", True), setting(f"{_DATA}.data_dir", "nowhere")),
    ),
    "fit: an older run's config.yaml is no YAML": Case(
        "fit", FIT, ("new/config.yaml",), (write("new/config.yaml", "a: ["),)
    ),
    "fit: an older run's config.yaml is a bomb": Case(
        "fit", FIT, ("new/config.yaml",), (write("new/config.yaml", BOMB),)
    ),
}

"""A tiny pretrained encoder and a tiny task in three languages, in the layouts of real ones."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

os.environ["WANDB_MODE"] = "offline"
os.environ["HF_HUB_OFFLINE"] = "1"

WORDS = {
    "en": (["red", "blue", "green"], ["the", "house", "is", "very", "near", "a", "tree", "and", "old"]),
    "de": (["rot", "blau", "grün"], ["das", "haus", "ist", "sehr", "nah", "ein", "baum", "und", "alt"]),
    "zh": (["红", "蓝", "绿"], ["房", "子", "很", "近", "树", "和", "老", "的", "一"]),
}
LABELS = ["red", "blue", "green"]


def save_tiny_encoder(directory: Path, model_type: str = "bert", **options: object) -> Path:
    """A byte-level encoder of a few thousand parameters, in the layout of the hub."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {
        token: number for number, token in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])
    }
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", sep_token="</s>", cls_token="<s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=120,
    )  # fmt: skip
    fast.save_pretrained(directory)
    torch.manual_seed(0)
    sizes = {
        "vocab_size": len(vocabulary), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 128, "pad_token_id": 1, "type_vocab_size": 2,
    }  # fmt: skip
    AutoModel.from_config(AutoConfig.for_model(model_type, **(sizes | options))).save_pretrained(directory)
    return directory


def write_tiny_task(directory: Path, train: int = 120, dev: int = 30, test: int = 25, seed: int = 0) -> Path:
    """Writes ``{language}/{split}.tsv`` with columns id, text, label: which colour does the sentence name?"""
    rng = random.Random(seed)
    for language, (colours, others) in WORDS.items():
        (directory / language).mkdir(parents=True)
        for split, size in {"train": train, "dev": dev, "test": test}.items():
            if split == "train" and language != "en":
                continue
            lines = ["id\ttext\tlabel"]
            for number in range(size):
                label = rng.randrange(3)
                words = rng.sample(others, rng.randint(2, 8)) + [colours[label]]
                rng.shuffle(words)
                lines.append(f"{split}-{number}\t{' '.join(words)}\t{LABELS[label]}")
            (directory / language / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    return directory


def write_tiny_pairs(path: Path, pairs: int = 80, seed: int = 0) -> Path:
    """Writes English sentences in the tiny task's words, and word-by-word translations with the first word last."""
    rng = random.Random(seed)
    lines = ["source\ttarget\tlanguage"]
    english = [word for part in WORDS["en"] for word in part]
    for language in ("de", "zh"):
        translation = dict(zip(english, [word for part in WORDS[language] for word in part], strict=False))
        for _ in range(pairs):
            words = rng.sample(sorted(translation), rng.randint(3, 7))
            translated = [translation[word] for word in words]
            lines.append("\t".join([" ".join(words), " ".join(translated[1:] + translated[:1]), language]))
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    write_tiny_pairs((folder := tmp_path_factory.mktemp("pairs")) / "pairs.tsv")
    return folder


@pytest.fixture
def tiny_pairs(pairs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sentence pairs, with a cache beside them that all tests share."""
    monkeypatch.setenv("XLTROBUST_CACHE", str(pairs_folder / "cache"))
    return pairs_folder / "pairs.tsv"


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def tiny_task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_task(tmp_path_factory.mktemp("task") / "data")


def run_command(
    module: str, *arguments: object, timeout: float = 300, check: bool = True
) -> subprocess.CompletedProcess:
    """Runs ``python -m xltrobust.MODULE`` as a user would."""
    command = [sys.executable, "-m", f"xltrobust.{module}", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return done


def write_tiny_config(path: Path, encoder: Path, data: Path, pairs: Path | None = None, **trainer: object) -> Path:
    """Writes the configuration of a run of seconds on the tiny task, with a parallel corpus if ``pairs`` is given."""
    import yaml

    config = {
        "run_dir": str(path.parent / "run"),
        "seed_everything": 7,
        "model": {"encoder": str(encoder), "pooling": "mean", "encoder_lr": 5e-3, "head_lr": 5e-3},
        "data": {
            "class_path": "xltrobust.datamodules.LocalClassification",
            "init_args": {
                "data_dir": str(data), "source": "en", "languages": ["de", "zh"], "batch_size": 16,
                "columns": {"id": "id"}, "validate_targets": 1,
            },
        },
        "trainer": {"max_epochs": 3, "accelerator": "cpu", "enable_progress_bar": False, **trainer},
        "adversarial": {
            "attacks": {
                "typo": {
                    "perturbation": {"class_path": "xltrobust.perturb.TypoPerturbation"},
                    "search": {"class_path": "xltrobust.perturb.RandomSearch", "init_args": {"draws": 3}},
                }
            }
        },
    }  # fmt: skip
    if pairs is not None:
        table = {"path": str(pairs), "source_language": "en", "target_language_column": "language"}
        aligner = {"class_path": "xltrobust.datamodules.StatisticalAligner", "init_args": {"model": "fast_align"}}
        config["data"]["init_args"]["parallel"] = {  # type: ignore[index]
            "bitexts": [{"class_path": "xltrobust.datamodules.PairTable", "init_args": table}],
            "aligner": aligner,
            "held_out": 10,
        }
    path.write_text(yaml.safe_dump(config), encoding="utf8")
    return path

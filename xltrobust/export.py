"""``python -m xltrobust.export --run RUN DIR``: a run's model as a directory that Hugging Face's classes load."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltrobust.command import as_process, run_command
from xltrobust.errors import OneLineParser, UserError
from xltrobust.files import atomic_directory, check_folder
from xltrobust.runs.folder import RunFolder

if TYPE_CHECKING:
    from xltrobust.encoders.tokenization import Tokenization
    from xltrobust.models.classifier import RobustClassifier

# Where sequence classifiers of a family keep the two layers of the head: dense, tanh, out, on the first token.
_HEADS = {
    "bert": ("bert.pooler.dense", "classifier"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
    "xlm-roberta": ("classifier.dense", "classifier.out_proj"),
    "deberta-v2": ("pooler.dense", "classifier"),
}
_DESCRIPTION = "Write a directory for AutoModelForSequenceClassification and AutoTokenizer, with the same logits."
_OPTIONS = {"deberta-v2": {"pooler_hidden_act": "tanh"}}


def main(arguments: Sequence[str]) -> None:
    """Writes a directory for AutoModelForSequenceClassification and AutoTokenizer, with the same logits.

    Args:
        arguments: the command's options, as a shell gives them.

    Raises:
        UserError: on whatever the user can put right, in one line.
    """
    parser = OneLineParser(prog="xltrobust export", description=_DESCRIPTION)
    parser.add_argument("--run", required=True, help="folder of a finished run")
    parser.add_argument("directory", help="to write; must not exist")
    options = parser.parse_args(list(arguments))
    with as_process(arguments):
        export(RunFolder(options.run), Path(options.directory))
        print(options.directory)


def export(folder: RunFolder, directory: Path) -> None:
    """Writes a run's model as a Hugging Face directory: whole, or not at all.

    Raises:
        UserError: if the directory exists, or no class of transformers has this encoder with this head.
    """
    from xltrobust.models.stored import load_run_model

    if directory.exists():
        raise UserError(f"{directory} exists already: name a directory to be made.")
    check_folder(directory, "The directory")
    module, tokenization = load_run_model(folder)
    classifier = sequence_classifier(module)
    tokenizer = copy.deepcopy(tokenization.tokenizer)
    # Where transformers cuts texts if it is told to, and where the attack command cuts them.
    tokenizer.model_max_length = classifier.config.xltrobust_max_length = tokenization.max_length
    with atomic_directory(directory) as temporary:
        classifier.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        _check_logits(temporary, module, tokenization, folder.recorded("text_pairs"))


def sequence_classifier(module: RobustClassifier) -> Any:
    """The transformers model with the weights of a classifier.

    Raises:
        UserError: if there is no such model.
    """
    from transformers import AutoModelForSequenceClassification

    family = module.encoder.config.model_type
    if family not in _HEADS:
        raise UserError(
            f"{family} encoders cannot be exported: their class in transformers has another head than this model "
            f"(dense, tanh, linear); those of {', '.join(sorted(_HEADS))} have the same."
        )
    if module.pooling != "cls":
        raise UserError(
            "Models with mean pooling cannot be exported: transformers' classifiers read the first token. "
            "Train with --model.pooling cls."
        )
    if module.language_maps.languages:
        raise UserError(
            "Models with linear maps of languages cannot be exported: transformers' classifiers do not know a text's "
            "language. Train without LinearMapping."
        )
    config = type(module.encoder.config).from_dict(module.encoder.config.to_dict() | _OPTIONS.get(family, {}))
    config.id2label = dict(enumerate(module.labels))
    config.label2id = {label: number for number, label in enumerate(module.labels)}
    classifier = AutoModelForSequenceClassification.from_config(config)
    classifier.base_model.load_state_dict(module.encoder.state_dict(), strict=False)
    for name, own in zip(_HEADS[family], (module.dense, module.out), strict=True):
        classifier.get_submodule(name).load_state_dict(own.state_dict())
    return classifier.eval()


def _check_logits(directory: Path, module: RobustClassifier, tokenization: Tokenization, pairs: bool) -> None:
    """Loads what was written and compares: a directory that answers something else must not be handed out."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from xltrobust.example import Example

    cut = "two words " * tokenization.max_length
    texts = ("one", cut) if pairs else (cut,)
    row = tokenization.table([Example("0", "en", texts[0], 0, texts[-1] if pairs else None)]).row(0)
    inputs = AutoTokenizer.from_pretrained(directory)(*texts, truncation=True, return_tensors="pt")
    classifier = AutoModelForSequenceClassification.from_pretrained(directory)
    with torch.no_grad():
        ours, theirs = module(tokenization.collate([row])).logits, classifier(**inputs).logits
    if not torch.allclose(ours, theirs, atol=1e-4):
        raise UserError(f"The exported model answers {theirs.tolist()} where the run's answers {ours.tolist()}.")


def command() -> None:
    """The shell's."""
    run_command("export", main)


if __name__ == "__main__":
    command()

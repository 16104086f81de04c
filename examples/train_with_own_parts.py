"""Trains with a regularizer of one's own, and attacks with a perturbation of one's own.

    python examples/train_with_own_parts.py

Both classes are named by the path that Python imports them by; nothing is registered. For the command line, put them
into a module beside the configuration: `class_path: my_module.ConfidencePenalty`.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch

from xltrobust.api import Results, fit, part
from xltrobust.example import Example
from xltrobust.perturb import Edit, Perturbation
from xltrobust.regularizers import Regularizer
from xltrobust.text.scripts import script_of

ME = Path(__file__).stem  # the module's name


class ConfidencePenalty(Regularizer):
    """Adds the negative entropy of the predictions, so that the model is less sure of itself.

    Args:
        weight: of the term in the loss.

    References:
        - Pereyra et al. Regularizing neural networks by penalizing confident output distributions. ICLR workshop 2017.
    """

    def __init__(self, *, weight: float = 0.1) -> None:
        super().__init__(weight=weight)

    def term(self, module, batch, output) -> torch.Tensor:
        log_probabilities = output.logits.log_softmax(dim=-1)
        return (log_probabilities.exp() * log_probabilities).sum(dim=-1).mean()


class Elongation(Perturbation):
    """Repeats a vowel, as in emphatic writing: so becomes sooo. Languages in Latin script only."""

    lacking = "vowels that it knows"

    def supports(self, language: str) -> bool:
        return script_of(language) == "Latn"

    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        return [
            Edit(at, at, letter * 2, side)
            for side in self.sides
            for at, letter in enumerate(getattr(example, side) or "")
            if letter in "aeiou" and self.supports(example.side_language(side))
        ]


def train(run_dir: Path, regularizers: list, encoder: str, max_train: int | None, max_test: int) -> Results:
    """A run on voice commands, attacked by elongated vowels when it is tested."""
    elongation = {
        "perturbation": part(f"{ME}.Elongation"),
        "search": part("GreedySearch", candidates_per_word=4),
        "budget": 50,
    }
    task = {"languages": ["de", "fi"], "max_train_examples": max_train, "max_test_examples": max_test}
    return fit(
        run_dir=run_dir,
        data=part("HomeAssistantIntents", **task),
        model={"encoder": encoder, "freeze_embeddings": True, "pooling": "mean", "encoder_lr": 2e-4},
        trainer={"accelerator": "cpu", "enable_progress_bar": False},
        max_epochs=2,
        regularizers=regularizers,
        attacks={"elongation": elongation},
        quiet=True,
    )


def main(folder: Path, encoder: str, max_train: int | None, max_test: int) -> dict[str, Results]:
    """Trains with and without the regularizer, and prints accuracies by language, clean and attacked."""
    penalty = part(f"{ME}.ConfidencePenalty", weight=0.3)
    runs = {
        name: train(folder / name, regularizers, encoder, max_train, max_test)
        for name, regularizers in {"plain": [], "penalty": [penalty]}.items()
    }
    for name, run in runs.items():
        print(f"\n{name}\n{run.summary().round(1)}")
    return runs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Train with a regularizer, and attack with a perturbation, of one's own."
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/own-parts"), help="for the runs (default: %(default)s)"
    )
    parser.add_argument("--encoder", default="bundled", help="hub name, directory or bundled (default: %(default)s)")
    parser.add_argument("--max_train", type=int, help="training examples (default: all)")
    parser.add_argument("--max_test", type=int, default=92, help="test examples a language (default: %(default)s)")
    given = parser.parse_args()
    main(given.folder, given.encoder, given.max_train, given.max_test)

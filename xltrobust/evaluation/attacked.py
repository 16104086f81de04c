"""Adversarial accuracy in every language, at the test and, if wanted, during training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from xltrobust.errors import UserError
from xltrobust.evaluation.clean import MultilingualEvaluation
from xltrobust.evaluation.shares import attack_share, changeable, chosen_share
from xltrobust.evaluation.until_broken import Place, attack_until_broken, suite_sets
from xltrobust.example import EvaluationSet
from xltrobust.metrics.confusion import MultilingualConfusion, accuracy
from xltrobust.metrics.coverage import robust_name
from xltrobust.metrics.figures import adversarial_figures
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.base import AttackResult, BatchedConstraint
from xltrobust.perturb.engine.journal import Journal, victim_folder
from xltrobust.perturb.recipe import Attack, check_attack_name
from xltrobust.perturb.suite import Mode, Suite, load_suite
from xltrobust.runs.training_progress import display_of
from xltrobust.seeding import global_seed


class AdversarialEvaluation(pl.Callback):
    """Attacks the ``test`` sets after the clean test.

    Accuracy under attack is logged as ``test/adv_acc/{attack}/{language}``, and clean accuracy on the same examples as
    ``test/acc_attacked/{attack}/{language}``.

    With ``every_n_epochs``, some dev examples are attacked during training too, on a small budget: figures are named
    ``val/adv_acc/{attack}/{language}`` (and ``val/acc_attacked/…``), and ``val/source_adv_acc/{attack}`` is what a
    checkpoint may be chosen by (``best_checkpoint.attack``).

    Each device attacks its own share of every language; the texts found do not depend on the number of devices.

    Args:
        attacks: by name; None attacks nothing.
        suite: attacks that come with the package, beside these: ``standard-1``, or ``standard-1@20`` for at most 20
            passes an example (:mod:`~xltrobust.perturb.suite`); None takes none.
        suite_mode: ``full`` tries every attack of the suite, and its controls, on every example, at the test and on dev
            examples. ``robust`` tries its attacks one after the other until one breaks the example, at the test alone,
            for accuracy under all of them alone: ``test/adv_acc/robust/{language}``, the same as in full.
        max_examples: cap on the examples of a language; the same items in all languages where items are translations.
        every_n_epochs: how often to attack dev examples; None never does.
        dev_examples: cap on the dev examples of a language that are attacked.
        dev_budget: cap on the forward and backward passes spent on each of them.
    """

    def __init__(
        self,
        *,
        attacks: dict[str, Attack] | None = None,
        suite: str | None = None,
        suite_mode: Mode = "full",
        max_examples: int | None = None,
        every_n_epochs: int | None = None,
        dev_examples: int = 50,
        dev_budget: int = 20,
    ) -> None:
        for name, value in {"max_examples": max_examples, "every_n_epochs": every_n_epochs}.items():
            if value is not None and value < 1:
                raise ValueError(f"Expected argument `{name}` to be at least 1, but got {value}.")
        for name, value in {"dev_examples": dev_examples, "dev_budget": dev_budget}.items():
            if value < 1:
                raise ValueError(f"Expected argument `{name}` to be at least 1, but got {value}.")
        for name in attacks or {}:
            check_attack_name(name)
        self.suite = load_suite(suite) if suite is not None else None
        self.suite_mode = suite_mode
        own = self.suite.all if self.suite is not None else {}
        if taken := own.keys() & (attacks or {}).keys():
            raise ValueError(f"the suite {suite} has an attack named {min(taken)!r}: give yours another name.")
        self.attacks = (attacks or {}) | (own if suite_mode == "full" else {})
        self.max_examples = max_examples
        self.every_n_epochs, self.dev_examples, self.dev_budget = every_n_epochs, dev_examples, dev_budget
        self.seconds: dict[str, float] = {}
        self.answers: Path | None = None  # set by the command line: where a test that is killed leaves its answers

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Checks everything that would otherwise fail only after training.

        Raises:
            UserError: if an attack can change none of the languages, if the checkpoint is to be chosen by one that
                cannot change the source language, or if a constraint's encoder cannot be loaded.
        """
        MultilingualEvaluation.of(trainer, before=self)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        chosen_by = {getattr(callback, "monitor", None) for callback in trainer.checkpoint_callbacks}
        for name, recipe in self.suite.all.items() if self.suite is not None else ():
            if not any(recipe.perturbation.changes(each.language) for each in data.test_sets):
                self.attacks.pop(name, None)  # the suite is over the others
        for name, recipe in (self.attacks | self._until_broken).items():
            if name in self.attacks:
                changeable(name, recipe, data.test_sets, quiet=True)
            with torch.random.fork_rng(()):  # training draws what it would without constraints
                for constraint in recipe.constraints:
                    if isinstance(constraint, BatchedConstraint):
                        constraint.prepare()
            if stage == "fit" and self.every_n_epochs is not None and name in self.attacks:
                if self.suite is None or name not in self.suite.all:
                    changeable(name, recipe, data.validation_sets, quiet=True)
                source = next(
                    evaluation_set.language
                    for evaluation_set in data.validation_sets
                    if evaluation_set.name == data.source
                )
                if f"val/source_adv_acc/{name}" in chosen_by and not recipe.perturbation.changes(source):
                    raise UserError(
                        f"best_checkpoint.attack: {name} cannot change the source language, {data.source} (no "
                        f"{recipe.perturbation.lacking}): choose the checkpoint by another attack, or by none."
                    )

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.every_n_epochs is None or trainer.sanity_checking:
            return
        if (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        evaluation = MultilingualEvaluation.of(trainer, before=self)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        sets = data.validated_now()
        for name, recipe in self.attacks.items():
            if not any(recipe.perturbation.changes(each.language) for each in sets):
                continue  # where the targets, which it can change, are not due, or it is of a suite
            small = replace(recipe, budget=min(self.dev_budget, recipe.budget or self.dev_budget))
            found = self._attack(name, small, sets, trainer, self.dev_examples, quiet=True)
            answers = [(at, result, result.prediction) for (at, _), result in found.items()]
            # The attack has asked for the original first, and has gone on only where that was right.
            originals = [(at, r, given if r.adversarial is None else r.example.label) for at, r, given in answers]
            counts, before = (
                _counted(answered, pl_module.device, len(sets), len(data.labels)) for answered in (answers, originals)
            )
            names = [evaluation_set.name for evaluation_set in sets]
            figures = adversarial_figures({name: counts}, {name: before}, names, data.source, "val")
            at = names.index(data.source)
            if counts[at].sum():  # none where the attack cannot change the source language
                source_acc = accuracy(counts)[at].item()
                figures[f"val/source_adv_acc/{name}"] = source_acc
                evaluation.record_attacked_validation(name, source_acc)
            # The figures are equal on all devices; sync_dist only tells Lightning so.
            pl_module.log_dict(figures, sync_dist=True)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        evaluation = MultilingualEvaluation.of(trainer, before=self)
        sets = trainer.datamodule.test_sets  # type: ignore[attr-defined]
        journal = self._journal(trainer) if self.attacks or self._until_broken else None
        for name, recipe in self.attacks.items():
            started = time.perf_counter()
            found = self._attack(name, recipe, sets, trainer, self.max_examples, journal)
            self.seconds[name] = time.perf_counter() - started
            evaluation.record_attack(name, found)
        if self.suite is not None:
            evaluation.suites[self.suite.name] = self.suite.record(
                ((each.name, each.language) for each in sets if each.split == "test"), self.suite_mode
            )
            if self._until_broken:
                self._attack_until_broken(self.suite, trainer, evaluation, journal)
        if journal is not None:
            journal.close()

    def _attack(
        self,
        name: str,
        recipe: Attack,
        sets: Sequence[EvaluationSet],
        trainer: pl.Trainer,
        max_examples: int | None,
        journal: Journal | None = None,
        quiet: bool = False,
    ) -> dict[tuple[int, int], AttackResult]:
        places = changeable(name, recipe, sets, quiet=quiet)
        share = chosen_share(sets, places, max_examples, trainer.global_rank, trainer.world_size)
        return self._attack_share(name, recipe, sets, share, trainer, journal)

    @staticmethod
    def _attack_share(
        name: str,
        recipe: Attack,
        sets: Sequence[EvaluationSet],
        share: list[Place],
        trainer: pl.Trainer,
        journal: Journal | None,
    ) -> dict[Place, AttackResult]:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        precision = trainer.strategy.precision_plugin.forward_context
        victim = ClassifierVictim(trainer.lightning_module, data.tokenization, data.eval_batch_tokens, precision)  # type: ignore[arg-type]
        return attack_share(
            f"attack {name}", recipe, sets, share, victim,
            journal=journal, seed=global_seed(), display=display_of(trainer),
        )  # fmt: skip

    @property
    def _until_broken(self) -> dict[str, Attack]:
        """The attacks that are tried one after the other."""
        return self.suite.attacks if self.suite is not None and self.suite_mode == "robust" else {}

    def _attack_until_broken(
        self, suite: Suite, trainer: pl.Trainer, evaluation: MultilingualEvaluation, journal: Journal | None
    ) -> None:
        sets, name = trainer.datamodule.test_sets, robust_name(suite.name)  # type: ignore[attr-defined]
        share = chosen_share(
            sets, suite_sets(suite, sets), self.max_examples, trainer.global_rank, trainer.world_size
        )  # fmt: skip
        started = time.perf_counter()
        found = attack_until_broken(
            suite, sets, share, lambda attack, recipe, places: self._attack_share(
                attack, recipe, sets, places, trainer, journal
            ),
        )  # fmt: skip
        self.seconds[name] = time.perf_counter() - started
        evaluation.record_attack(name, found)

    def _journal(self, trainer: pl.Trainer) -> Journal | None:
        if self.answers is None or trainer.ckpt_path is None:
            return None
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        folder = victim_folder(self.answers, Path(trainer.ckpt_path), data.max_length, str(trainer.precision))
        return Journal(folder, str(trainer.global_rank))


def _counted(
    answers: Sequence[tuple[int, AttackResult, int]], device: torch.device, num_sets: int, num_classes: int
) -> Tensor:
    """Counts of all devices' answers (set, of which example, class), shape (sets, classes, classes)."""
    metric = MultilingualConfusion(num_sets, num_classes).to(device)
    for at, result, given in answers:
        metric.update(*(torch.tensor([value], device=device) for value in (given, result.example.label, at)))
    return metric.compute()

"""Adversarial accuracy in every test language, as part of the test."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from tqdm.auto import tqdm

from xltrobust.datamodules.base import EvaluationSet
from xltrobust.models.evaluation import WORST
from xltrobust.models.victim import ClassifierVictim
from xltrobust.perturb.engine import attack
from xltrobust.perturb.recipe import Attack
from xltrobust.seeding import derived_seed, global_seed


class AdversarialEvaluation(pl.Callback):
    """Attacks the ``test`` sets after the clean test; figures are named ``test/adv_acc/{attack}/{language}``.

    Each device attacks its own share of every language; the texts found do not depend on the number of devices.

    Args:
        attacks: by the name that results give them; None attacks nothing.
        max_examples: cap on the examples of a language; the same items in all languages where items are translations.
    """

    def __init__(self, *, attacks: dict[str, Attack] | None = None, max_examples: int | None = None) -> None:
        if max_examples is not None and max_examples < 1:
            raise ValueError(f"Expected argument `max_examples` to be at least 1, but got {max_examples}.")
        taken = sorted({"clean", WORST} & set(attacks or {}))
        if taken:
            raise ValueError(f"An attack cannot be named {taken[0]!r}: results use the name for something else.")
        self.attacks = attacks or {}
        self.max_examples = max_examples

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        module: Any = pl_module
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        precision = trainer.strategy.precision_plugin.forward_context
        victim = ClassifierVictim(module, data.tokenization, data.eval_batch_tokens, precision)
        places = [(i, own) for i, own in enumerate(data.test_sets) if own.split == "test"]
        for name, recipe in self.attacks.items():
            share = {
                (i, index): own.examples[index]
                for i, own in places
                for index in chosen_examples(own, self.max_examples)[trainer.global_rank :: trainer.world_size]
            }
            with tqdm(total=len(share), desc=f"Attack {name}", disable=not trainer.is_global_zero) as bar:

                def show(done: int, total: int, queries: int, bar: Any = bar) -> None:
                    bar.update(done - bar.n)
                    bar.set_postfix(queries=queries)

                results = attack(
                    list(share.values()),
                    victim,
                    perturbation=recipe.perturbation,
                    search=recipe.search,
                    constraints=recipe.constraints,
                    budget=recipe.budget,
                    seed=global_seed(),
                    progress=show,
                )
            found = dict(zip(share, results, strict=True))
            for i, _ in places:
                module.record_attack(name, i, {index: result for (at, index), result in found.items() if at == i})


def chosen_examples(own: EvaluationSet, limit: int | None) -> list[int]:
    """Indices of at most ``limit`` examples, chosen by a hash of their ids: parallel sets give the same items."""
    if limit is None or limit >= len(own.examples):
        return list(range(len(own.examples)))
    order = sorted(range(len(own.examples)), key=lambda i: derived_seed("attacked", own.examples[i].id))
    return sorted(order[:limit])

"""Figures and recorded predictions agree with a count by hand; the oracle looks and does not touch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models.test_classifier import make, trainer
from sklearn.metrics import accuracy_score, f1_score

from xltrobust.errors import UserError
from xltrobust.evaluation.attacked import AdversarialEvaluation
from xltrobust.evaluation.clean import MultilingualEvaluation, NonFiniteLogits
from xltrobust.evaluation.history import ValidationHistory
from xltrobust.evaluation.shares import chosen_examples
from xltrobust.example import EvaluationSet, Example
from xltrobust.perturb import Attack, RandomSearch, TypoPerturbation


def typos(draws: int) -> Attack:
    return Attack(perturbation=TypoPerturbation(), search=RandomSearch(draws=draws))


@pytest.fixture(scope="module")
def tested(tiny_encoder: Path, tiny_task: Path):
    module, data = make(tiny_encoder, tiny_task, encoder_lr=1e-2, head_lr=1e-2, pooling="mean")
    attacks = AdversarialEvaluation(attacks={"few": typos(2), "more": typos(6)}, max_examples=20)
    fitting = trainer(max_epochs=6, callbacks=[attacks])
    fitting.fit(module, datamodule=data)
    fitting.test(module, datamodule=data, verbose=False)
    return MultilingualEvaluation.of(fitting), data, fitting


def test_figures_are_those_of_the_predictions(tested) -> None:
    evaluation, data, _ = tested
    for position, own in enumerate(data.test_sets):
        clean = [p for p in evaluation.predictions if p.set_index == position and p.attack is None]
        labels = [own.examples[p.index].label for p in clean]
        given = [p.prediction for p in clean]
        assert sorted(p.index for p in clean) == list(range(len(own.examples)))
        assert evaluation.figures[f"test/acc/{own.name}"] == pytest.approx(accuracy_score(labels, given))
        assert evaluation.figures[f"test/f1/{own.name}"] == pytest.approx(f1_score(labels, given, average="macro"))
    assert evaluation.figures["test/acc/avg"] == evaluation.figures["test/acc/de"]
    gap = evaluation.figures["test/acc/en"] - evaluation.figures["test/acc/de"]
    assert evaluation.figures["test/transfer_gap"] == pytest.approx(gap)


def test_attacked_figures_and_the_worst_of_all_attacks(tested) -> None:
    evaluation, data, _ = tested
    for position, own in enumerate(data.test_sets):
        right = {}
        for attack in ("few", "more"):
            share = [p for p in evaluation.predictions if p.set_index == position and p.attack == attack]
            assert len(share) == 20
            right[attack] = {p.index: p.prediction == own.examples[p.index].label for p in share}
            assert evaluation.figures[f"test/adv_acc/{attack}/{own.name}"] == pytest.approx(
                sum(right[attack].values()) / 20
            )
        clean = {p.index: p.prediction for p in evaluation.predictions if p.set_index == position and p.attack is None}
        right_before = sum(clean[index] == own.examples[index].label for index in right["few"])
        for attack in ("few", "more", "worst"):
            assert evaluation.figures[f"test/acc_attacked/{attack}/{own.name}"] == pytest.approx(right_before / 20)
        both = [right["few"][index] and right["more"][index] for index in right["few"]]
        assert evaluation.figures[f"test/adv_acc/worst/{own.name}"] == pytest.approx(sum(both) / 20)
        assert evaluation.figures[f"test/adv_acc/more/{own.name}"] <= evaluation.figures[f"test/adv_acc/few/{own.name}"]
    assert (
        evaluation.figures["test/adv_acc/more/en"] < evaluation.figures["test/acc/en"]
    )  # and the attack does something


def test_the_oracle_is_the_best_epoch_of_the_targets(tested) -> None:
    history = tested[0].history
    assert len(history.epochs) == 6
    oracle = history.oracle()
    assert oracle["best_target_dev_acc"] == max(epoch["target_acc"] for epoch in history.epochs)
    chosen = history.epochs[int(oracle["chosen_epoch"])]
    assert chosen["source_acc"] == max(epoch["source_acc"] for epoch in history.epochs)
    assert oracle["chosen_target_dev_acc"] == chosen["target_acc"]


def test_the_oracle_knows_the_epochs_that_the_targets_were_validated_after() -> None:
    epochs = [
        {"epoch": 0.0, "source_acc": 0.6},
        {"epoch": 1.0, "source_acc": 0.7, "target_acc": 0.5},
        {"epoch": 2.0, "source_acc": 0.9},
        {"epoch": 3.0, "source_acc": 0.8, "target_acc": 0.4},
    ]
    assert ValidationHistory(epochs).oracle() == {"best_target_dev_acc": 0.5, "best_epoch": 1.0}
    known = ValidationHistory([*epochs[:2], *epochs[3:]]).oracle()
    assert known["chosen_epoch"] == 3.0 and known["chosen_target_dev_acc"] == 0.4
    assert ValidationHistory(epochs[:1]).oracle() == {}


def test_targets_that_are_not_due_are_missing_from_an_epoch(tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task, validate_targets=2)
    attacks = AdversarialEvaluation(attacks={"few": typos(1)}, every_n_epochs=1, dev_examples=3)
    fitting = trainer(max_epochs=4, callbacks=[attacks])
    fitting.fit(module, datamodule=data)
    epochs = MultilingualEvaluation.of(fitting).history.epochs
    assert ["target_acc" in epoch for epoch in epochs] == [False, True, False, True]
    assert all(0 <= epoch["source_acc"] <= 1 and 0 <= epoch["source_adv_acc/few"] <= 1 for epoch in epochs)


def test_a_checkpoint_hands_its_history_on(tested, tiny_encoder: Path, tiny_task: Path, tmp_path: Path) -> None:
    evaluation, _, fitting = tested
    fitting.save_checkpoint(tmp_path / "a.ckpt")
    module, data = make(tiny_encoder, tiny_task, encoder_lr=1e-2, head_lr=1e-2, pooling="mean")
    again = trainer()
    again.test(module, datamodule=data, ckpt_path=tmp_path / "a.ckpt", verbose=False, weights_only=True)
    assert MultilingualEvaluation.of(again).history.epochs == evaluation.history.epochs
    going_on = trainer(max_epochs=7)
    going_on.fit(module, datamodule=data, ckpt_path=tmp_path / "a.ckpt", weights_only=True)
    epochs = MultilingualEvaluation.of(going_on).history.epochs
    assert epochs[:6] == evaluation.history.epochs and len(epochs) == 7


def test_a_history_that_knows_less_is_not_taken() -> None:
    history = ValidationHistory()
    history.take_from({"validation_history": [{"epoch": 0.0, "source_acc": 0.5}], "callbacks": {"Other": {"a": 1}}})
    assert history.epochs == [{"epoch": 0.0, "source_acc": 0.5}]
    for less in ({"validation_history": []}, {}):
        history.take_from(less)
    assert len(history.epochs) == 1


def test_checkpoints_of_weights_alone_hold_the_history(tested, tmp_path: Path) -> None:
    evaluation, _, fitting = tested
    fitting.save_checkpoint(tmp_path / "best.ckpt", weights_only=True)
    history = ValidationHistory()
    history.take_from_file(tmp_path / "best.ckpt")
    assert history.epochs == evaluation.history.epochs and len(history.epochs) == 6


def test_the_evaluation_stands_after_what_adds_to_it(tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task)
    attacks = AdversarialEvaluation(attacks={"few": typos(2)})
    wrong = trainer()
    wrong.callbacks.append(attacks)
    with pytest.raises(UserError, match="MultilingualEvaluation has to stand after AdversarialEvaluation"):
        wrong.test(module, datamodule=data, verbose=False)
    wrong.callbacks = [attacks]
    with pytest.raises(UserError, match="there is no MultilingualEvaluation"):
        wrong.test(module, datamodule=data, verbose=False)


def test_spoilt_weights_are_told(tiny_encoder: Path, tiny_task: Path) -> None:
    module, data = make(tiny_encoder, tiny_task)
    with torch.no_grad():
        module.out.bias.fill_(float("nan"))
    with pytest.raises(NonFiniteLogits, match="spoilt"):
        trainer().test(module, datamodule=data, verbose=False)


@pytest.mark.parametrize("name", ["worst", "clean"])
def test_an_attack_may_not_take_a_name_that_results_use(name: str) -> None:
    with pytest.raises(ValueError, match=f"cannot be named '{name}'"):
        AdversarialEvaluation(attacks={name: typos(1)})


def test_parallel_sets_are_attacked_on_the_same_items() -> None:
    def items(language: str, numbers: range) -> EvaluationSet:
        return EvaluationSet("test", language, [Example(str(n), language, "x", 0) for n in numbers])

    first, second = items("en", range(50)), items("de", range(50))
    assert chosen_examples(first, 10) == chosen_examples(second, 10)
    assert len(set(chosen_examples(first, 10))) == 10
    assert chosen_examples(items("fr", range(5)), 10) == [0, 1, 2, 3, 4]

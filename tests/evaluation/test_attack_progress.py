"""What is known of the accuracy under attack while it is under way."""

from __future__ import annotations

import pytest

from xltrobust.evaluation.attack_progress import AttackProgress
from xltrobust.example import EvaluationSet, Example
from xltrobust.perturb.base import AttackResult


def finished(example: Example, prediction: int) -> AttackResult:
    return AttackResult(example, None, prediction, 1, broken=prediction != example.label)


def test_bounds_hold_whoever_finishes_first() -> None:
    sets = [EvaluationSet("test", name, [Example(str(i), name, "a", 1) for i in range(4)]) for name in ("de", "zh")]
    share = [(at, i) for at in (0, 1) for i in range(4)]
    truth = {0: 1, 1: 0, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0, 7: 1}  # predictions: de 50 %, zh 25 %
    progress = AttackProgress(sets, share)
    assert progress.language == "de" and progress.bounds() == (0.0, 1.0)
    for place in (1, 3, 4):  # those that break finish first
        progress.add(place, finished(sets[share[place][0]].examples[share[place][1]], truth[place]))
    assert progress.language == "de" and progress.bounds() == (0.0, 0.5)
    progress.add(0, finished(sets[0].examples[0], truth[0]))
    assert progress.bounds() == (0.25, 0.5)
    assert progress.summary() == ""
    progress.add(2, finished(sets[0].examples[2], truth[2]))
    assert progress.language == "zh" and progress.bounds() == (0.0, 0.75)
    assert progress.summary() == "accuracy de 50.0%"
    for place in (5, 6, 7):
        progress.add(place, finished(sets[1].examples[share[place][1]], truth[place]))
    assert progress.language == "" and progress.summary() == "accuracy de 50.0%, zh 25.0%"
    assert progress.bounds() == pytest.approx((0.0, 1.0))

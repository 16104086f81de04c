"""The names and averages of figures in logs, dashboards and ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from xltrobust.metrics.confusion import accuracy, macro_f1, majority, shared_labels
from xltrobust.metrics.coverage import WORST, equally_covered, is_robust

CHOSEN_BY = "val/source_acc"  # what the best checkpoint is chosen by


def averages(by_language: dict[str, float], source: str) -> dict[str, float]:
    """``avg``, the mean over the target languages, and ``avg_all``, with the source too; empty without targets.

    >>> averages({"en": 1.0, "de": 0.75, "fr": 0.5}, source="en")
    {'avg': 0.625, 'avg_all': 0.75}
    """
    targets = [value for language, value in by_language.items() if language != source]
    if not targets:
        return {}
    return {"avg": sum(targets) / len(targets), "avg_all": sum(by_language.values()) / len(by_language)}


def clean_figures(confusion: Tensor, languages: Sequence[str], source: str, split: str) -> dict[str, float]:
    """Accuracy, macro-F1 and the majority baseline of every language, with averages and the transfer gap.

    If some labels occur in some of the languages only, ``acc_shared`` is the accuracy on the examples of those labels
    that occur in all languages.

    Args:
        confusion: counts of shape (L, C, C).
        languages: the L names, in order.
        source: the language that the model was trained on.
        split: the prefix of the figures' names.
    """
    figures: dict[str, float] = {}
    for name, values in {
        "acc": accuracy(confusion),
        "f1": macro_f1(confusion),
        "majority": majority(confusion),
    }.items():
        figures |= _named(f"{split}/{name}", values, languages, source, confusion)
    occurring = confusion.sum((0, 2)) > 0
    shared = shared_labels(confusion[confusion.sum((1, 2)) > 0])
    if shared.any() and not shared[occurring].all():
        figures |= _named(f"{split}/acc_shared", accuracy(_rows(confusion, shared)), languages, source, confusion)
    if {f"{split}/acc/{source}", f"{split}/acc/avg"} <= set(figures):
        figures[f"{split}/transfer_gap"] = figures[f"{split}/acc/{source}"] - figures[f"{split}/acc/avg"]
    return figures


def adversarial_figures(
    confusions: Mapping[str, Tensor],
    before: Mapping[str, Tensor],
    languages: Sequence[str],
    source: str,
    split: str,
) -> dict[str, float]:
    """Accuracy under attacks, and clean accuracy on the very examples that they attacked.

    They are named ``{split}/adv_acc/{attack}/{language}`` and ``{split}/acc_attacked/{attack}/{language}``, and come
    with the averages of :func:`averages` over the languages that the attack covers.
    :mod:`~xltrobust.metrics.coverage` defines ``worst`` and ``robust``, and when they are averaged.

    Args:
        confusions: for each attack, and for ``worst`` and ``robust``, counts of shape (L, C, C).
        before: the same for the clean texts of these examples. If some are missing in a language, it has no
            ``acc_attacked``, and there is no average of it for this attack.
        languages, source, split: as in :func:`clean_figures`.
    """
    attacks = {attack: confusion for attack, confusion in confusions.items() if not is_robust(attack)}
    comparable = equally_covered(_covered(confusion, languages) for confusion in attacks.values())
    figures: dict[str, float] = {}
    for attack, confusion in confusions.items():
        averaged = attack != WORST or comparable
        figures |= _named(f"{split}/adv_acc/{attack}", accuracy(confusion), languages, source, confusion, averaged)
        if (clean := before.get(attack)) is None:
            continue
        whole = clean.sum((1, 2)) == confusion.sum((1, 2))
        clean = clean * whole[:, None, None]
        averaged &= bool(whole.all())
        figures |= _named(f"{split}/acc_attacked/{attack}", accuracy(clean), languages, source, clean, averaged)
    return figures


def _covered(confusion: Tensor, languages: Sequence[str]) -> list[str]:
    return [name for name, n in zip(languages, confusion.sum((1, 2)).tolist(), strict=True) if n]


def _named(
    prefix: str, values: Tensor, languages: Sequence[str], source: str, confusion: Tensor, averaged: bool = True
) -> dict[str, float]:
    covered = set(_covered(confusion, languages))
    known = {name: value for name, value in zip(languages, values.tolist(), strict=True) if name in covered}
    means = averages(known, source) if averaged else {}
    return {f"{prefix}/{name}": value for name, value in (known | means).items()}


def _rows(confusion: Tensor, labels: Tensor) -> Tensor:
    """The confusion matrices, restricted to examples of the chosen labels."""
    return confusion * labels[None, :, None]

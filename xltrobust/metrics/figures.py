"""The names and averages of results: what logs, dashboards and ``results.json`` call the figures."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from xltrobust.metrics.confusion import accuracy, macro_f1, majority, shared_labels


def averages(by_language: dict[str, float], source: str) -> dict[str, float]:
    """``avg`` over the target languages, the source left out, and ``avg_all`` with it; nothing without targets.

    >>> averages({"en": 1.0, "de": 0.75, "fr": 0.5}, source="en")
    {'avg': 0.625, 'avg_all': 0.75}
    """
    targets = [value for language, value in by_language.items() if language != source]
    if not targets:
        return {}
    return {"avg": sum(targets) / len(targets), "avg_all": sum(by_language.values()) / len(by_language)}


def clean_figures(confusion: Tensor, languages: Sequence[str], source: str, split: str) -> dict[str, float]:
    """Accuracy, macro-F1 and the majority baseline of every language, with averages and the transfer gap.

    Where languages differ in the labels they have examples of, accuracy over the labels that all of them have is given
    as ``acc_shared``.

    Args:
        confusion: counts of shape (L, C, C).
        languages: the L names, in order.
        source: the language that the model was trained on.
        split: begins the figures' names.
    """
    found: dict[str, float] = {}
    for name, values in {
        "acc": accuracy(confusion),
        "f1": macro_f1(confusion),
        "majority": majority(confusion),
    }.items():
        found |= _named(f"{split}/{name}", values, languages, source, confusion)
    occurring = confusion.sum((0, 2)) > 0
    shared = shared_labels(confusion[confusion.sum((1, 2)) > 0])
    if shared.any() and not shared[occurring].all():
        found |= _named(f"{split}/acc_shared", accuracy(_rows(confusion, shared)), languages, source, confusion)
    if {f"{split}/acc/{source}", f"{split}/acc/avg"} <= set(found):
        found[f"{split}/transfer_gap"] = found[f"{split}/acc/{source}"] - found[f"{split}/acc/avg"]
    return found


def adversarial_figures(
    confusion: Tensor, languages: Sequence[str], source: str, split: str, attack: str
) -> dict[str, float]:
    """Accuracy under one attack, by language and on average; arguments as :func:`clean_figures`."""
    return _named(f"{split}/adv_acc/{attack}", accuracy(confusion), languages, source, confusion)


def _named(prefix: str, values: Tensor, languages: Sequence[str], source: str, confusion: Tensor) -> dict[str, float]:
    counts = confusion.sum((1, 2)).tolist()
    known = {name: value for name, value, n in zip(languages, values.tolist(), counts, strict=True) if n}
    return {f"{prefix}/{name}": value for name, value in (known | averages(known, source)).items()}


def _rows(confusion: Tensor, labels: Tensor) -> Tensor:
    """The confusion matrices with examples of the chosen labels only."""
    return confusion * labels[None, :, None]

"""Matches the labels of data, however they are spelled, to a classifier's classes."""

from __future__ import annotations

from collections.abc import Sequence

from xltrobust.errors import DataError


def label_aliases(values: Sequence[str], labels: Sequence[str], where: str, numbered: bool = False) -> dict[str, str]:
    """The classes that the labels of data stand for where they are spelled otherwise: in another case, or as numbers.

    Args:
        values: the labels of all rows.
        labels: the classifier's classes, in the order of its logits.
        where: names the data in errors.
        numbered: whether 0 stands for the first class, 1 for the second …; so it is anyway for a classifier that only
            numbers its classes (``LABEL_0`` …).

    Raises:
        DataError: naming both, if a label is none of the classes.

    >>> label_aliases(["positive", "neg"], ["NEG", "Positive"], "f.tsv")
    {'positive': 'Positive', 'neg': 'NEG'}
    """
    folded = {label.casefold(): label for label in labels}
    if len(folded) < len(labels):
        folded = {}  # the classes themselves differ in case alone
    numbered = numbered or list(labels) == [f"LABEL_{number}" for number in range(len(labels))]
    aliases = {}
    for value in dict.fromkeys(values):
        if value in labels:
            continue
        if value.isdecimal() and int(value) < len(labels):
            if not numbered:
                raise DataError(
                    f"{where}: labels are numbers ({value}), and the classifier's classes are {', '.join(labels)}: say "
                    "which class each number stands for with --labels, the class of 0 first."
                )
            aliases[value] = labels[int(value)]
        elif (name := folded.get(value.casefold())) is not None:
            aliases[value] = name
        else:
            raise DataError(
                f"{where}: label {value[:80]!r} is none of the classifier's classes ({', '.join(labels)}): spell "
                "labels as the classifier does, or choose another label column."
            )
    return aliases

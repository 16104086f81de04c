"""Which output of a classifier stands for which of a task's labels."""

from __future__ import annotations

from collections.abc import Sequence

from xltrobust.errors import UserError


def output_order(name: str, classes: dict[int, str], labels: Sequence[str]) -> list[int]:
    """The classifier's output for each of the task's labels.

    Args:
        name: of the classifier, for the message.
        classes: the name of each output; ``LABEL_0`` … are taken to be the task's labels in this order.
        labels: the task's.

    Raises:
        UserError: if the classes are not the task's.
    """
    places = {label: place for place, label in classes.items()}
    if set(places) == set(labels):
        return [places[label] for label in labels]
    if len(classes) == len(labels) and all(label == f"LABEL_{place}" for place, label in classes.items()):
        return list(range(len(labels)))
    raise UserError(
        f"{name}: its classes ({', '.join(map(str, classes.values()))}) are not the task's ({', '.join(labels)}): "
        "choose data of the task that it was trained on, or set id2label in its config.json."
    )

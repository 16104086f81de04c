"""The rows of ``predictions.parquet``: one for each test example and condition, clean or attacked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xltrobust.errors import UserError
from xltrobust.example import EvaluationSet, single_languages
from xltrobust.files import atomic_write
from xltrobust.metrics.changes import changes
from xltrobust.perturb.base import AttackResult
from xltrobust.perturb.recipe import Attack, describe_attack

Row = dict[str, Any]
Classes = int | tuple[int, ...]


def place_of(row: Row) -> tuple[str, str, str]:
    """What tells a row's example from all others: its split, language and id."""
    return row["split"], row["language"], row["id"]


def prediction_row(
    evaluation_set: EvaluationSet,
    index: int,
    prediction: Classes,
    attack: str | None = None,
    result: AttackResult | None = None,
) -> Row:
    """One row: what is recorded about one example in one condition.

    Args:
        evaluation_set: the test set.
        index: of the example in that set.
        prediction: the predicted class, or one for each label of the example.
        attack: the attack's name; None for the clean text.
        result: what the attack found.
    """
    example = evaluation_set.examples[index]
    adversarial = result.adversarial if result else None
    difference = changes(example, adversarial) if adversarial else None
    return {
        "id": example.id,
        "group": example.group or example.id,
        "split": evaluation_set.split,
        "language": evaluation_set.name,
        "label": example.label,
        "prediction": prediction,
        "attack": attack,
        "text": example.text,
        "text_pair": example.text_pair,
        "adversarial_text": adversarial.text if adversarial else None,
        "adversarial_text_pair": adversarial.text_pair if adversarial else None,
        "queries": result.queries if result else None,
        "backwards": result.backwards if result else None,
        "broken_at": result.broken_at if result else None,
        "broken_by": result.broken_by if result else None,
        "changed": difference.changed if difference else None,
        "words_changed": difference.words if difference else None,
        "characters_changed": difference.characters if difference else None,
        "similarity": None,
    }


def check_same_texts(
    rows: Iterable[Row],
    sets: Sequence[EvaluationSet],
    where: str,
    *,
    whole: bool = False,
    all_tested: bool = True,
) -> None:
    """Refuses rows that were recorded on other data than the test sets hold now.

    Args:
        rows: of ``predictions.parquet``. Versions that recorded no texts are compared by ids alone.
        sets: the test sets.
        where: the file.
        whole: expect every row's example, with its label, in the sets; otherwise rows of other examples are skipped and
            labels are not compared.
        all_tested: with ``whole``, also expect a row for every example of the sets.

    Raises:
        UserError: naming the first example that differs.
    """
    examples = {
        (evaluation_set.split, evaluation_set.name, example.id): example
        for evaluation_set in sets
        for example in evaluation_set.examples
    }
    unseen = set(examples) if whole and all_tested else set()
    for row in rows:
        key = place_of(row)
        example = examples.get(key)
        unseen.discard(key)
        differs = ""
        if example is None:
            differs = "is not in the data any more" if whole else ""
        elif any(name in row and row[name] != getattr(example, name) for name in ("text", "text_pair")):
            differs = "is another text than here"
        elif whole and row["label"] != example.label:
            differs = "has another label than here"
        if differs:
            raise UserError(f"{where}: {row['language']}/{row['id']} {differs}: not the same data.")
    if unseen:
        _, language, example_id = min(unseen)
        raise UserError(f"{where}: {language}/{example_id} is new in the data: not the same data.")


_NUMBERS = ("label", "prediction", "queries", "backwards", "broken_at")
_SHARES = ("words_changed", "characters_changed", "similarity")
# Columns of attacks alone: files of older versions lack some.
EMPTY_ROW: Row = dict.fromkeys(("backwards", "broken_at", "broken_by", "changed", *_SHARES))


def write_predictions(rows: Sequence[Row], path: Path) -> None:
    """Writes rows as Parquet, whole or not at all."""
    import pyarrow as pa
    from pyarrow import parquet

    types = dict.fromkeys(_NUMBERS, pa.int64()) | dict.fromkeys(_SHARES, pa.float64())
    if isinstance(rows[0]["prediction"], tuple):  # one a token
        types |= dict.fromkeys(("label", "prediction"), pa.list_(pa.int64()))
    schema = pa.schema([(name, types.get(name, pa.string())) for name in rows[0]])
    with atomic_write(path) as temporary:
        parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)


def attack_record(recipe: Attack, results: Sequence[AttackResult], seconds: float) -> dict[str, Any]:
    """What ``results.json`` records of an attack besides its figures.

    Args:
        recipe: the attack.
        results: of all examples, on all devices.
        seconds: how long the attack took.
    """
    languages = [result.example.language for result in results]
    caveat = recipe.perturbation.caveat(single_languages(languages))
    costs = costs_record(recipe.constraints, results, seconds)
    return ({"caveat": caveat} if caveat else {}) | {"recipe": describe_attack(recipe), **costs}


def costs_record(constraints: Sequence[object], results: Sequence[AttackResult], seconds: float) -> dict[str, Any]:
    """What ``results.json`` records of the costs of an attack, or of several that were tried one after the other.

    Args:
        constraints: of the attack or attacks, in the order of the results' ``refused``.
        results: of all examples, on all devices.
        seconds: how long it took.
    """
    refused: dict[str, int] = {}
    for at, constraint in enumerate(constraints):
        kind = type(constraint).__name__
        refused[kind] = refused.get(kind, 0) + sum(result.refused[at] for result in results if result.refused)
    return {
        "examples": len(results),
        "queries": sum(result.queries for result in results),
        "backwards": sum(result.backwards for result in results),
        "refused": refused,
        "seconds": round(seconds, 1),
    }


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's answer to one test example.

    Args:
        set_index: which of the data module's ``test_sets``.
        index: of the example in that set.
        prediction: the predicted class, or one for each label of the example.
        attack: the attack's name; None for the clean text.
        result: what the attack found.
    """

    set_index: int
    index: int
    prediction: Classes
    attack: str | None = None
    result: AttackResult | None = None


def prediction_rows(predictions: list[Prediction], sets: Sequence[EvaluationSet]) -> list[Row]:
    """The rows of ``predictions.parquet``, clean before attacked, in the order of the test sets and their examples."""
    attacks = list(dict.fromkeys(prediction.attack for prediction in predictions if prediction.attack))

    def place(prediction: Prediction) -> tuple[int, int, int]:
        return (
            attacks.index(prediction.attack) + 1 if prediction.attack else 0,
            prediction.set_index,
            prediction.index,
        )

    return [
        prediction_row(
            sets[prediction.set_index], prediction.index, prediction.prediction, prediction.attack, prediction.result
        )
        for prediction in sorted(predictions, key=place)
    ]

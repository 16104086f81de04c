"""The metadata of a model card: what the hub lists, searches and compares models by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from xltrobust.encoders.pretrained import BUNDLED
from xltrobust.errors import UserError
from xltrobust.exporting.attacks import definitions
from xltrobust.metrics.coverage import WORST, is_robust
from xltrobust.report.conditions import CLEAN, suite_of
from xltrobust.report.summary import Summary
from xltrobust.runs.folder import RunFolder
from xltrobust.text.languages import base_language

_TASK = "text-classification"
_TAGS = ("xltrobust", "cross-lingual", "robustness", "adversarial-attacks")
_BUNDLED_FROM = "intfloat/multilingual-e5-small"


def metadata(summary: Summary, library: str) -> ModelCardData:
    """Languages, encoder, data set and, as ``model-index``, the accuracy in each language and under each attack.

    Args:
        summary: of the run.
        library: that loads the model, as the hub names it.
    """
    results = summary.run.results
    hub = _hub_data_set(summary.run.path)
    return ModelCardData(
        language=_languages([summary.source, *summary.languages]),
        library_name=library,
        pipeline_tag=_TASK,
        tags=list(_TAGS),
        base_model=_base_model(str(results.get("encoder") or "")),
        datasets=[hub] if hub else None,
        metrics=["accuracy"],
        model_name=summary.run.name,
        eval_results=list(_eval_results(summary, hub)),
    )


def _eval_results(summary: Summary, hub: str | None) -> Iterator[EvalResult]:
    task = str(summary.run.results.get("task") or "unnamed")
    hashes = definitions(summary.run.results)
    for language in summary.languages:
        for condition, intervals in summary.conditions.items():
            if language not in intervals:
                continue
            found = intervals[language]
            details: dict[str, Any] = {
                "examples": found.examples,
                "independent_groups": found.groups,
                "confidence_interval_95": [round(float(found.low), 4), round(float(found.high), 4)],
            }
            if condition != CLEAN:
                details["attack"] = condition
                if definition := hashes.get(condition) or (suite_of(summary.run, condition) or "")[:12]:
                    details["attack_definition"] = definition
                if before := summary.clean_on_attacked.get(condition, {}).get(language):
                    details["clean_accuracy_on_the_same_examples"] = round(float(before.value), 4)
            yield EvalResult(
                task_type=_TASK,
                task_name="Text classification",
                dataset_type=hub or _slug(task),
                dataset_name=f"{task} ({language})",
                dataset_config=language,
                dataset_split=summary.split,
                metric_type="accuracy",
                metric_name=_metric(condition),
                metric_value=round(float(found.value), 4),
                metric_args=details,
            )


def _metric(condition: str) -> str:
    if condition == CLEAN:
        return "Accuracy"
    if is_robust(condition):
        return f"Accuracy under every attack of a suite: {condition}"
    return "Accuracy under every attack" if condition == WORST else f"Accuracy under attack: {condition}"


def _languages(names: list[str]) -> list[str]:
    """ISO 639 codes, which the hub asks for, of languages and of pairs of languages.

    >>> _languages(["en", "zh-CN", "zh-TW", "en>swh_Latn", "toba batak"])
    ['en', 'zh', 'sw']
    """
    found = []
    for code in (part for name in names for part in name.split(">")):
        try:
            found.append(base_language(code))
        except ValueError:
            continue  # a name of the user's
    return list(dict.fromkeys(found))


def _base_model(encoder: str) -> str | None:
    """The encoder's name on the hub, where it came from there."""
    if encoder == BUNDLED:
        return _BUNDLED_FROM
    try:
        validate_repo_id(encoder)
    except HFValidationError:
        return None
    return encoder if encoder and not Path(encoder).exists() else None


def _hub_data_set(run: Path) -> str | None:
    """The data set's name on the hub, if the run read it from there."""
    folder = RunFolder(run)
    try:
        arguments = folder.option("data.init_args", dict)
    except UserError:
        return None
    hub = arguments.get("hub")
    return hub if isinstance(hub, str) and not arguments.get("data_dir") else None


def _slug(task: str) -> str:
    """
    >>> _slug("HomeAssistantIntents"), _slug("XNLI"), _slug("own.module.My_Task")
    ('home-assistant-intents', 'xnli', 'my-task')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", task.rpartition(".")[2])
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "unnamed"

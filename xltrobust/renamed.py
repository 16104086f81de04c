"""Options that have been renamed: what earlier versions wrote is read under the new names."""

from __future__ import annotations

from typing import Any

_TASK = {"oracle": "validate_targets", "limit_train_examples": "max_train_examples"}
# By the class that takes the option: the old name and the new one.
_RENAMED = {
    **dict.fromkeys(("HomeAssistantIntents", "LocalClassification", "PAWSX", "XNLI"), _TASK),
    "GreedySearch": {"passes": "sweeps"},
    "SentenceAlignment": {"before": "pretraining_share"},
    "WordAlignment": {"before": "pretraining_share"},
}


def with_new_names(value: Any) -> Any:
    """A nested configuration, or description of an attack, in which renamed options have their present names.

    A class and its arguments are written in a configuration as ``class_path`` and ``init_args``, in ``results.json`` as
    ``class`` beside the arguments. If an option is given under both names, both are kept, for a parser to refuse.

    >>> with_new_names({"search": {"class_path": "xltrobust.perturb.GreedySearch", "init_args": {"passes": 5}}})
    {'search': {'class_path': 'xltrobust.perturb.GreedySearch', 'init_args': {'sweeps': 5}}}
    >>> with_new_names({"class_path": "XNLI", "init_args": {"oracle": True}})  # after every epoch: every first one
    {'class_path': 'XNLI', 'init_args': {'validate_targets': 1}}
    >>> with_new_names([{"class": "GreedySearch", "passes": 5}, {"class": "FreeLB", "passes": 5}])
    [{'class': 'GreedySearch', 'sweeps': 5}, {'class': 'FreeLB', 'passes': 5}]
    """
    if isinstance(value, list):
        return [with_new_names(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: with_new_names(item) for name, item in value.items()}
    names = _RENAMED.get(str(value.get("class_path", value.get("class"))).rpartition(".")[2])
    if names is None:
        return value
    if isinstance(arguments := value.get("init_args"), dict):
        return value | {"init_args": _renamed(arguments, names)}
    return _renamed(value, names)


def _renamed(arguments: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, item in arguments.items():
        new = names.get(name, name)
        if new == name or new in arguments:
            found[name] = item
        else:
            found[new] = int(item) if isinstance(item, bool) else item  # where there was on and off, there is a number
    return found

"""What part of the test sets an attack covers, and how an attack is extended to more of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xltrobust.runs.provenance import git_state


@dataclass(frozen=True)
class Scope:
    """The part of the test sets that an attack covers.

    Args:
        languages: names of the sets; None stands for all.
        max_examples: cap on the examples of each; None sets none. Fewer are always among more.
    """

    languages: list[str] | None = None
    max_examples: int | None = None

    def joined(self, other: Scope) -> Scope:
        """The least scope that holds both: as many examples in every language of either.

        >>> Scope(["en"], 50).joined(Scope(["de", "en"], 100))
        Scope(languages=['en', 'de'], max_examples=100)
        >>> Scope(["en"], 50).joined(Scope(None, 20))
        Scope(languages=None, max_examples=50)
        """
        languages = max_examples = None
        if self.languages is not None and other.languages is not None:
            languages = list(dict.fromkeys([*self.languages, *other.languages]))
        if self.max_examples is not None and other.max_examples is not None:
            max_examples = max(self.max_examples, other.max_examples)
        return Scope(languages, max_examples)

    def record(self) -> dict[str, Any]:
        """As ``results.json`` has it."""
        return {"languages": self.languages, "max_examples": self.max_examples}


def extended(there: dict[str, Any], more: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The record of an attack that has been extended to more examples.

    Args:
        there: its record until now.
        more: the record of the examples that have been added: :func:`~xltrobust.evaluation.predictions.attack_record`.
        settings: seed, scope and caveat of the whole.
    """
    counts = {name: there.get(name, 0) + more[name] for name in ("examples", "queries", "backwards")}
    before = there.get("refused") or {}
    refused = {name: before.get(name, 0) + more["refused"].get(name, 0) for name in [*before, *more["refused"]]}
    seconds = round(there.get("seconds", 0.0) + more["seconds"], 1)
    added = {"examples": more["examples"], **git_state()}
    extensions = [*there.get("extensions", []), added]
    kept = {name: value for name, value in there.items() if name != "caveat"}  # it may be another by now
    return kept | counts | {"refused": refused, "seconds": seconds, "extensions": extensions} | settings


def without_languages(section: Any) -> Any:
    """A data section without the choice of languages, where that may be extended later."""
    if not isinstance(section, dict) or not str(section.get("class_path")).endswith("LabelledFile"):
        return section
    arguments = {name: value for name, value in section["init_args"].items() if name != "languages"}
    return section | {"init_args": arguments}


def with_languages(section: Any, tested: Any) -> Any:
    """A data section with the languages that were tested beside those that are wanted."""
    if (bare := without_languages(section)) == section:
        return section
    before, now = ((each.get("init_args") or {}).get("languages") for each in (tested, section))
    if before is None or now is None:
        return bare
    both = list(dict.fromkeys([*before, *now]))
    return bare | {"init_args": bare["init_args"] | {"languages": both}}

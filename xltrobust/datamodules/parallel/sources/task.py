"""The task's own texts and their translations, as parallel text: the setting of translate-train and of XeroAlign."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from xltrobust.datamodules.parallel.sources.base import Bitext, SentencePair, TaskTexts
from xltrobust.errors import DataError, UserError
from xltrobust.example import Example
from xltrobust.text.languages import base_language, check_codes


class TaskTranslations(Bitext):
    """The items of one of the task's own splits in the source language, each with its translations, matched by id.

    For tasks whose items have the same ids in all languages, such as SIB-200. Without a column of ids, ids are the
    numbers of the rows, and the files have to be line-aligned. Labels are not used. A pair task gives a pair of first
    texts and a pair of second texts for each item. All items of the split are taken, also where ``max_train_examples``
    has the training set hold fewer.

    Args:
        languages: the languages of the translations, as the task spells them.
        split: the split of the task whose items are paired.

    Raises:
        ValueError: if no language is named, or one twice, or one is no language code.
        UserError: on reading, if it is not part of a task's data, or ``languages`` has the task's source language.
        DataError: on reading, if a language has no items, or none with an id of the source language.

    References:
        - Gritta & Iacobacci. XeroAlign: zero-shot cross-lingual transformer alignment. Findings of ACL 2021.
    """

    def __init__(self, *, languages: list[str], split: str = "train") -> None:
        if not languages or len(set(languages)) < len(languages):
            raise ValueError(f"Expected argument `languages` to name one or more languages once, but got {languages}.")
        check_codes("languages", languages)
        self.languages, self.split = list(languages), split
        self._task: TaskTexts | None = None
        self._found: _Survey | None = None

    def bind(self, task: TaskTexts) -> None:
        self._task, self._found = task, None

    def __iter__(self) -> Iterator[SentencePair]:
        for language, sources, others in self._by_language():
            yield from self._pairs(language, sources, others)

    def provenance(self) -> dict[str, Any]:
        """Besides the source and the version, a hash of the pairs: the number of items, and how many have no
        counterpart in each language.
        """
        task, found = self._bound(), self._survey()
        return {
            "source": f"{type(task).__name__}, {self.split}",
            "version": found.hash,
            "licence": "unknown",
            "languages": [task.source, *self.languages],
            "items": found.items,
            "without_counterpart": found.without_counterpart,
        }

    def stamp(self) -> Any:
        return [type(self).__name__, {"languages": self.languages, "split": self.split}, self._survey().hash]

    def _bound(self) -> TaskTexts:
        if self._task is None:
            raise UserError(
                f"{type(self).__name__} reads the texts of a task: name it in data.init_args.parallel.bitexts of the "
                "task's data, or call bind(task)."
            )
        same = [code for code in self.languages if base_language(code) == base_language(self._task.source)]
        if same:
            raise UserError(
                f"{type(self).__name__}: expected `languages` to be others than the task's source, "
                f"{self._task.source!r}, but got {same[0]!r}."
            )
        return self._task

    def _by_language(self) -> Iterator[tuple[str, list[Example], dict[str, Example]]]:
        """Each language with the source's items and its own, the latter by id; some id is shared."""
        task = self._bound()
        sources = task.read(self.split, task.source)
        ids = {example.id for example in sources}
        for language in self.languages:
            try:
                others = {example.id: example for example in task.read(self.split, language)}
            except DataError as error:
                raise DataError(f"{error} (TaskTranslations reads the {self.split} texts in {language!r}.)") from None
            if not others.keys() & ids:
                had = f"{len(others)} items, none with an id of the {task.source!r} ones" if others else "no items"
                raise DataError(
                    f"TaskTranslations: {type(task).__name__} has {had}, in the {self.split} texts in {language!r}; "
                    "name the column of the ids (columns: {id: …}) or another `split`, or leave the language out."
                )
            yield language, sources, others

    def _pairs(self, language: str, sources: list[Example], others: dict[str, Example]) -> Iterator[SentencePair]:
        languages = self._bound().source, language
        for example in sources:
            if (other := others.get(example.id)) is not None:
                yield SentencePair(example.text, other.text, *languages)
                if example.text_pair is not None and other.text_pair is not None:
                    yield SentencePair(example.text_pair, other.text_pair, *languages)

    def _survey(self) -> _Survey:
        """Reads all pairs once for their hash, and counts the items without a counterpart."""
        if self._found is None:
            digest, items, missing = hashlib.sha256(), 0, {}
            for language, sources, others in self._by_language():
                items, missing[language] = len(sources), sum(example.id not in others for example in sources)
                for pair in self._pairs(language, sources, others):
                    digest.update(repr(tuple(pair)).encode("utf8"))
            self._found = _Survey(digest.hexdigest()[:16], items, missing)
        return self._found


class _Survey(NamedTuple):
    hash: str
    items: int
    without_counterpart: dict[str, int]

"""Punctuation errors: a mark inserted after a word, deleted, or replaced by another mark of the language."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, get_args

from xltrobust.checks import checked_subset
from xltrobust.example import Side
from xltrobust.perturb.perturbations.sites import Site, SitePerturbation
from xltrobust.text.clusters import cluster_bounds
from xltrobust.text.languages import base_language
from xltrobust.text.scripts import UNSPACED, script_of

Operation = Literal["insert", "delete", "replace"]

_MARKS_BY_LANGUAGE = {"ur": "۔،؛؟!"}
_MARKS_BY_SCRIPT = {
    **dict.fromkeys(("Hans", "Hant", "Hani", "Jpan", "Hira", "Kana", "Bopo"), "。,、!?;:"),
    "Arab": ".،؛؟!:",
    "Grek": ".,;·!:",  # in Greek the semicolon is the question mark
    "Armn": "։,՝՞՜",
    "Ethi": "።፣፤፥?!",
    "Mymr": "။၊",
    "Khmr": "។,?!",
    "Tibt": "།",
    **dict.fromkeys(("Deva", "Beng", "Guru", "Orya"), "।,?!;"),
}
_MARKS = ".,!?;:"
_OPENING = "¿¡"  # may be deleted, but are never inserted or replaced
_ALL = frozenset(
    "".join([*_MARKS_BY_SCRIPT.values(), *_MARKS_BY_LANGUAGE.values(), _MARKS, _OPENING, "…，！？；：．｡､"])
)


class PunctuationPerturbation(SitePerturbation):
    """Changes one sentence-ending or clause-separating mark, as careless writers do.

    ``"insert"`` adds one of the language's marks after a word, ``"delete"`` removes a mark, and ``"replace"``
    exchanges it for another of the language's marks, which are those of its script (。、؟ ।). Marks inside a word or
    number are left unchanged (7:30, e.g., example.com), and no mark is inserted between two letters: in scripts
    without spaces, marks are only inserted next to marks and spaces and at the end of the text.

    Args:
        operations: what to do. All operations that are possible somewhere in the example are equally likely to be
            sampled.
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``operations`` or ``sides`` is empty or contains an unknown name.

    References:
        - Karimi, Rossi & Prati. AEDA: an easier data augmentation technique for text classification. EMNLP 2021.
        - Formento et al. Using punctuation as an adversarial attack on deep learning-based NLP systems: an empirical
          study. Findings of EACL 2023.
    """

    def __init__(
        self,
        *,
        operations: Sequence[Operation] = ("insert", "delete", "replace"),
        sides: Sequence[Side] = ("text", "text_pair"),
    ) -> None:
        super().__init__(sides=sides)
        self.operations = checked_subset("operations", operations, get_args(Operation))

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        found = _sites(text, marks_of(language), script_of(language) in UNSPACED)
        return {operation: found[operation] for operation in self.operations}


@lru_cache(maxsize=1024)
def marks_of(language: str) -> str:
    """The marks that end sentences and separate clauses in a language.

    >>> marks_of("hi"), marks_of("el"), marks_of("fr")
    ('।,?!;', '.,;·!:', '.,!?;:')
    """
    marks = _MARKS_BY_LANGUAGE.get(base_language(language))
    return marks or _MARKS_BY_SCRIPT.get(script_of(language), _MARKS)


@lru_cache(maxsize=1024)
def _sites(text: str, marks: str, unspaced: bool) -> Mapping[Operation, Sequence[Site]]:
    clusters = ("", *cluster_bounds(text).clusters, "")
    kinds = [_kind(cluster) for cluster in clusters]
    free = [
        kind == "mark" and not _joins(left, right, mark, unspaced)
        for left, kind, right, mark in zip(["", *clusters], kinds, [*clusters[1:], ""], clusters, strict=False)
    ]
    found: dict[Operation, list[Site]] = {"insert": [], "delete": [], "replace": []}
    for at in range(1, len(clusters) - 1):
        if free[at]:
            others = tuple(mark for mark in marks if mark != clusters[at])
            # Where the writer left out the space after the mark, a space takes its place, or two words would merge.
            needs_space = not unspaced and kinds[at - 1] == kinds[at + 1] == "letter"
            found["delete"].append(Site(at - 1, at, (" " if needs_space else "",)))
            if clusters[at] not in _OPENING:
                found["replace"].append(Site(at - 1, at, others))
        elif kinds[at] == "letter" and (kinds[at + 1] in ("end", "space") or free[at + 1]):
            found["insert"].append(Site(at, at, tuple(marks)))
    return found


def _kind(cluster: str) -> str:
    if not cluster:
        return "end"
    if cluster in _ALL:
        return "mark"
    if cluster.isspace():
        return "space"
    category = unicodedata.category(cluster[0])[0]
    return {"L": "letter", "N": "digit"}.get(category, "other")


def _joins(left: str, right: str, mark: str, unspaced: bool) -> bool:
    """Whether a mark is part of a word or number: the decimal point of .5, the colon of 7:30, the first stop of e.g.

    Before a non-ASCII letter, a mark is not part of a word if the mark itself is not ASCII or the script has no spaces.
    """
    before, after = _kind(left), _kind(right)
    if mark in _OPENING:
        return False
    if after == "digit":
        return not (unspaced and before == "letter" and not left.isascii())
    return after == "letter" and (right.isascii() or not (unspaced or ord(mark) > 127))

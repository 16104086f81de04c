"""Typing errors in any script: one grapheme cluster swapped, deleted, inserted or mistyped."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

from xltrobust.example import Example, Side
from xltrobust.perturb.base import Perturbation
from xltrobust.perturb.edits import Edit
from xltrobust.perturb.perturbations.keyboards import has_keyboard, languages_with_keyboard, neighbours
from xltrobust.text.languages import base_language, check_codes
from xltrobust.text.words import Word, normalize, script, split_clusters, split_words

Operation = Literal["swap", "delete", "insert", "keyboard"]

_QUICK_TRIES = 16  # random positions and operations to try before falling back to enumerating all of them


class TypoPerturbation(Perturbation):
    """Single typing errors: the synthetic noise of Belinkov & Bisk (2018) and Pruthi et al. (2019), made multilingual.

    - ``"swap"`` exchanges two adjacent characters.
    - ``"delete"`` removes a character.
    - ``"keyboard"`` replaces a character by one from a neighbouring key. It makes no edits in a language whose
      keyboard :mod:`~xltrobust.perturb.perturbations.keyboards` does not know.
    - ``"insert"`` doubles a character, or inserts before or after it one from a neighbouring key. Where its key is
      not known, the inserted character is one of the same script and case from the same text.

    A character here is a grapheme cluster, so letters keep their marks and conjuncts stay whole. Only letters are
    edited: white space and punctuation separate words, and a reader could not restore a changed digit. In scripts
    without spaces, a run of letters up to the next punctuation mark counts as one word. Every edit still changes the
    text after Unicode normalisation (NFKC), and none merges two clusters into one.

    Args:
        operations: which errors to make. All are equally likely to be drawn; a draw that is impossible at its
            character is repeated.
        sides: which texts of a pair may be changed.
        min_word_length: words with fewer clusters are left unchanged. At least 2, because a single letter has no
            context from which a reader could restore it. Pruthi et al. use 4.
        keep_first: leave the first character of each word: people rarely mistype it (Yannakoudakis & Fawthrop, 1983),
            and readers need it most.
        keyboards: by language code, the language whose layout it is typed on instead of its own: ``{jv: id}``.

    Raises:
        ValueError: if ``operations`` or ``sides`` is empty or contains an unknown name, if ``min_word_length`` is not
            an integer of at least 2, or if ``keyboards`` names something other than language codes, or a language
            without a layout.

    References:
        - Belinkov & Bisk. Synthetic and natural noise both break neural machine translation. ICLR 2018.
        - Pruthi, Dhingra & Lipton. Combating adversarial misspellings with robust word recognition. ACL 2019.
        - Yannakoudakis & Fawthrop. The rules of spelling errors. Information Processing & Management 19(2), 1983.

    >>> example = Example("0", "en", "hi there", 0)
    >>> TypoPerturbation(operations=("delete",), min_word_length=5).candidates(example, random.Random(0))[:2]
    [Edit(start=3, end=4, replacement='', side='text'), Edit(start=4, end=5, replacement='', side='text')]
    """

    lacking = "keyboard layout"
    instead = "another operation"

    def __init__(
        self,
        *,
        operations: Sequence[Operation] = ("swap", "delete", "insert", "keyboard"),
        sides: Sequence[Side] = ("text", "text_pair"),
        min_word_length: int = 2,
        keep_first: bool = False,
        keyboards: dict[str, str] | None = None,
    ) -> None:
        for name, given, known in (("operations", operations, get_args(Operation)), ("sides", sides, get_args(Side))):
            if isinstance(given, str) or not given or not set(given) <= set(known):
                raise ValueError(f"Expected argument `{name}` to be a non-empty subset of {known}, but got {given!r}.")
        if not isinstance(min_word_length, int) or min_word_length < 2:
            raise ValueError(
                f"Expected argument `min_word_length` to be an integer of at least 2, but got {min_word_length!r}."
            )
        self.operations = tuple(dict.fromkeys(operations))
        self.sides = tuple(dict.fromkeys(sides))
        self.min_word_length = min_word_length
        self.keep_first = keep_first
        given_keyboards = keyboards or {}
        check_codes("keyboards", [*given_keyboards, *given_keyboards.values()])
        if unknown := [code for code in given_keyboards.values() if not has_keyboard(code)]:
            layouts = ", ".join(languages_with_keyboard())
            raise ValueError(
                f"Expected argument `keyboards` to name languages with a layout ({layouts}), but got {unknown[0]!r}."
            )
        self._keyboards = {base_language(code): other for code, other in given_keyboards.items()}

    def described(self) -> dict[str, Any]:
        """As by default, but without options that are not used and that earlier versions did not have."""
        used = {"keyboards": self._keyboards, "keep_first": self.keep_first}
        return {name: value for name, value in super().described().items() if used.get(name, True)}

    def supports(self, language: str) -> bool:
        """Whether there are edits in this language: without a layout, not by ``keyboard`` alone."""
        return self.operations != ("keyboard",) or has_keyboard(self._typed_on(language))

    def caveat(self, languages: Sequence[str]) -> str:
        """Which languages have no layout, so that they get other errors than the rest; empty if all have one."""
        without = [code for code in languages if not has_keyboard(self._typed_on(code))]
        if not without or not {"keyboard", "insert"} & set(self.operations):
            return ""
        return (
            f"no keyboard layout for {', '.join(without)}: typing errors there hit no neighbouring keys, and letters "
            "that are inserted come from the same text, so these languages cannot be compared with the others "
            "(`keyboards` of TypoPerturbation names another language's layout)."
        )

    def _typed_on(self, language: str) -> str:
        """The language whose layout a language is typed on."""
        return self._keyboards.get(base_language(language), language) if self._keyboards else language

    def candidates(self, example: Example, rng: random.Random) -> list[Edit]:
        """All edits: every operation at every character.

        Args:
            example: the text or texts to perturb.
            rng: not used.

        Returns:
            Distinct single edits in reading order, none a no-op; empty if no word may be edited.
        """
        edits = (
            self._edit(side, site, *variant)
            for side in self.sides
            for site in self._text(example, side).sites
            for operation in self.operations
            for variant in self._variants(example, side, site, operation)
        )
        return list(dict.fromkeys(edit for edit in edits if edit is not None))

    def sample(self, example: Example, rng: random.Random) -> Edit | None:
        """A random edit: a uniformly drawn operation at a uniformly drawn character, redrawn if impossible there.

        Lists all candidates only when many draws in a row have failed, so the cost does not grow with the text.
        """
        texts = [(side, self._text(example, side).sites) for side in self.sides]
        total = sum(len(sites) for _, sites in texts)
        if total == 0:
            return None
        for _ in range(_QUICK_TRIES):
            at = rng.randrange(total)
            side, sites = texts[0]
            if at >= len(sites):
                at -= len(sites)
                side, sites = texts[1]
            operation = rng.choice(self.operations)
            variants = self._variants(example, side, sites[at], operation)
            if not variants:
                continue
            # Doubling is only one of many insertions, but people do it about as often as all the others together.
            doubled = operation == "insert" and rng.random() < 0.5
            edit = self._edit(side, sites[at], *(variants[0] if doubled else rng.choice(variants)))
            if edit is not None:
                return edit
        return super().sample(example, rng)

    def _text(self, example: Example, side: Side) -> _Text:
        return _analyse(getattr(example, side) or "", self.min_word_length, self.keep_first)

    def _variants(
        self, example: Example, side: Side, site: tuple[Word, int], operation: Operation
    ) -> list[tuple[int, int, tuple[str, ...]]]:
        """What an operation can do at a character: (first, last, new) replaces its word's clusters [first:last]."""
        word, at = site
        clusters = word.clusters
        if operation == "swap":
            return [(at, at + 2, (clusters[at + 1], clusters[at]))] if at + 2 <= len(clusters) else []
        if operation == "delete":
            return [(at, at + 1, ())]
        near = mistyped(self._typed_on(example.side_language(side)), clusters[at])
        if operation == "keyboard":
            return [(at, at + 1, (other,)) for other in near]
        others = near or self._text(example, side).alphabets[_alphabet_key(clusters[at])]
        return [(at, at, (clusters[at],)), *((place, place, (other,)) for other in others for place in (at, at + 1))]

    def _edit(self, side: Side, site: tuple[Word, int], first: int, last: int, new: tuple[str, ...]) -> Edit | None:
        word, _ = site
        clusters = word.clusters
        left = clusters[first - 1] if first else word.before
        right = clusters[last] if last < len(clusters) else word.after
        if not _is_sound(left, clusters[first:last], new, right):
            return None
        return Edit(word.bounds[first], word.bounds[last], "".join(new), side)


class _Text(NamedTuple):
    sites: list[tuple[Word, int]]
    """Every character that may be edited, as (its word, its index in that word)."""
    alphabets: dict[tuple[str, bool], list[str]]
    """The letters in the text, grouped by script and by whether they are capitals."""


@lru_cache(maxsize=1024)
def _analyse(text: str, min_word_length: int, keep_first: bool) -> _Text:
    words = [word for word in split_words(text) if len(word.clusters) >= min_word_length]
    alphabets: dict[tuple[str, bool], dict[str, None]] = {}
    for cluster in (cluster for word in words for cluster in word.clusters):
        alphabets.setdefault(_alphabet_key(cluster), {})[cluster] = None
    return _Text(
        [(word, at) for word in words for at in range(int(keep_first), len(word.clusters))],
        {key: list(alphabet) for key, alphabet in alphabets.items()},
    )


def _alphabet_key(cluster: str) -> tuple[str, bool]:
    return script(cluster[0]), cluster.isupper()


@lru_cache(maxsize=65536)
def mistyped(language: str, cluster: str) -> tuple[str, ...]:
    """All versions of a grapheme cluster with one code point replaced by a keyboard neighbour of the same kind.

    The kinds are letters and combining marks.

    >>> mistyped("fa", "ی"), mistyped("hi", "कि")[:4], mistyped("pt", "ã")
    (('ث', 'ق', 'س', 'ب', 'ط', 'ز'), ('गि', 'दि', 'रि', 'ति'), ())
    """
    composed = unicodedata.normalize("NFC", cluster)
    found = []
    for at, character in enumerate(composed):
        for near in neighbours(language, character):
            changed = composed[:at] + near + composed[at + 1 :]
            if len(split_clusters(changed)) == 1:  # typing a vowel sign for a virama would split a conjunct
                found.append(changed)
    return tuple(found)


def _is_sound(left: str, old: tuple[str, ...], new: tuple[str, ...], right: str) -> bool:
    """Whether replacing ``old`` by ``new`` still changes the text after normalisation and merges no clusters.

    ``left`` and ``right`` are the clusters on either side, empty at the end of the text.
    """
    before, after = left + "".join(old) + right, left + "".join(new) + right
    if before == after or (before.isascii() and after.isascii()):
        return before != after
    intact = [cluster for cluster in (left, *new, right) if cluster]
    return normalize(before) != normalize(after) and split_clusters(after) == intact

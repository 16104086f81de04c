"""Look-alike characters: a letter replaced by one of another script that readers take for it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources

from xltrobust.errors import MissingPackage
from xltrobust.example import Side
from xltrobust.perturb.perturbations.sites import Site, SitePerturbation
from xltrobust.text.clusters import cluster_bounds
from xltrobust.text.scripts import script_of
from xltrobust.text.words import script

# What Unicode names the letters of the scripts in everyday use (UAX #31, table 5): fonts have these, so that readers
# see a letter and not a box.
_EVERYDAY = frozenset(
    "LATIN GREEK CYRILLIC ARMENIAN GEORGIAN HEBREW ARABIC DEVANAGARI BENGALI GUJARATI GURMUKHI ORIYA TAMIL TELUGU "
    "KANNADA MALAYALAM SINHALA THAI LAO MYANMAR KHMER TIBETAN ETHIOPIC HIRAGANA KATAKANA CJK".split()
)
# Here letters are encoded in several forms (keheh for kaf, 晩 for 晚). Other scripts' confusable pairs of their own
# are letters that readers tell apart (Thai ด and ค, Latin I and l).
_VARIANTS = frozenset(["ARABIC", "CJK"])
# Scripts in which most of the text has something to be confused with.
_SUPPORTED = frozenset("Latn Grek Cyrl Armn Hebr Arab Thai Hani Hans Hant Jpan".split())


class LookalikePerturbation(SitePerturbation):
    """Replaces a letter by a character of another script, or another encoded form of it, that looks the same.

    The pairs are Unicode's confusables (UTS #39), of which those are left out that tokenizers undo (NFKC maps 𝐚 to a),
    that run in the other direction, that are no letters, or that few fonts have. Marks stay: é becomes a
    Cyrillic е with an acute. Letters that join (Arabic) are only replaced by letters that join.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or names something unknown.
        MissingPackage: if confusable-homoglyphs, which holds Unicode's data, is not installed.

    References:
        - Davis & Suignard. Unicode security mechanisms. Unicode Technical Standard #39.
        - Boucher et al. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
        - Eger et al. Text processing like humans do: visually attacking and shielding NLP systems. NAACL 2019.
    """

    lacking = "letters that look like those of another script"

    def __init__(self, *, sides: Sequence[Side] = ("text", "text_pair")) -> None:
        super().__init__(sides=sides)
        _groups()  # a missing package is noticed before the first text

    def supports(self, language: str) -> bool:
        """Whether the language's script has letters to be confused with: not Korean nor the scripts of India."""
        return script_of(language) in _SUPPORTED or not script_of(language)

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        return _sites(text)


@lru_cache(maxsize=1024)
def _sites(text: str) -> Mapping[str, Sequence[Site]]:
    clusters = cluster_bounds(text).clusters
    found = [Site(at, at + 1, options) for at, cluster in enumerate(clusters) if (options := lookalikes(cluster))]
    return {"replace": found}


@lru_cache(maxsize=65536)
def lookalikes(cluster: str) -> tuple[str, ...]:
    """A grapheme cluster with its base letter replaced by each that looks like it.

    >>> lookalikes("а"), lookalikes("ロ"), lookalikes("क")
    (('a', 'ɑ', 'α'), ('口', '囗'), ())
    """
    decomposed = unicodedata.normalize("NFD", cluster)
    base, marks = decomposed[0], decomposed[1:]
    group = _groups().get(base, ())
    return tuple(unicodedata.normalize("NFC", other + marks) for other in group if _stands_in(other, base))


def _stands_in(other: str, letter: str) -> bool:
    scripts = {script(other), script(letter)}
    if len(scripts) == 1:
        return other != letter and scripts <= _VARIANTS
    # An Arabic letter among letters that do not join has the shape that Unicode compares, but not the reverse.
    return script(letter) != "ARABIC" and _is_right_to_left(other) == _is_right_to_left(letter)


def _is_right_to_left(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL")


@cache
def _groups() -> dict[str, tuple[str, ...]]:
    """Everyday letters, each with those (itself included) that have the same shape."""
    try:
        data = resources.files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8")
    except ModuleNotFoundError:
        raise MissingPackage("LookalikePerturbation needs", "confusable-homoglyphs") from None
    # The file lists, for every shape, the prototype with all its likes, and each of those with the prototype alone.
    # Right-to-left characters stand between marks of direction.
    groups: dict[str, list[str]] = {}
    for character, likes in json.loads(data).items():
        if len(character.strip("\u200e")) > 1:
            continue  # letters that are like one sequence need not be like each other (Arabic, but for the dots)
        names = [character.strip("\u200e"), *(like["c"].strip("\u200e") for like in likes)]
        letters = [name for name in names if _is_everyday(name)]
        for letter in letters:
            groups.setdefault(letter, []).extend(letters)
    # Two of one shape may be listed only by way of their prototype: one step of closure joins them.
    return {
        letter: tuple(sorted({far for near in set(likes) for far in groups[near]})) for letter, likes in groups.items()
    }


def _is_everyday(name: str) -> bool:
    return (
        len(name) == 1
        and name <= "\uffff"
        and unicodedata.category(name)[0] == "L"
        and unicodedata.normalize("NFKC", name) == name
        and script(name) in _EVERYDAY
    )

"""Look-alike characters (homoglyphs): a letter replaced by one of another script that looks the same."""

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

# The recommended scripts (UAX #31, table 5), as they begin the Unicode names of their letters. Fonts usually cover
# these, so readers see a letter and not a box.
_EVERYDAY = frozenset(
    "LATIN GREEK CYRILLIC ARMENIAN GEORGIAN HEBREW ARABIC DEVANAGARI BENGALI GUJARATI GURMUKHI ORIYA TAMIL TELUGU "
    "KANNADA MALAYALAM SINHALA THAI LAO MYANMAR KHMER TIBETAN ETHIOPIC HIRAGANA KATAKANA CJK".split()
)
# Scripts in which one letter is encoded in several forms (keheh for kaf, 晩 for 晚). In all others, confusable pairs
# within the script are letters that readers tell apart (Thai ด and ค, Latin I and l).
_VARIANTS = frozenset(["ARABIC", "CJK"])
# Scripts in which most texts have letters with look-alikes.
_SUPPORTED = frozenset("Latn Grek Cyrl Armn Hebr Arab Thai Hani Hans Hant Jpan".split())


class LookalikePerturbation(SitePerturbation):
    """Replaces a letter by a same-looking character of another script, or by another encoded form of the letter.

    The pairs are Unicode's confusables (UTS #39), without characters that tokenizers map back (NFKC maps 𝐚 to a),
    that are written in the other direction, that are not letters, or that few fonts have. Marks stay: é becomes a
    Cyrillic е with an acute. Arabic letters, which join, are only replaced by Arabic letters.

    Args:
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``sides`` is empty or contains an unknown name.
        MissingPackage: if confusable-homoglyphs, the package with Unicode's data, is not installed.

    References:
        - Davis & Suignard. Unicode security mechanisms. Unicode Technical Standard #39.
        - Boucher et al. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
        - Eger et al. Text processing like humans do: visually attacking and shielding NLP systems. NAACL 2019.
    """

    lacking = "letters that look like those of another script"

    def __init__(self, *, sides: Sequence[Side] = ("text", "text_pair")) -> None:
        super().__init__(sides=sides)
        _groups()  # so that a missing package is reported at once, not at the first text

    def supports(self, language: str) -> bool:
        """Whether the language's script has look-alikes, or is not known. Korean and the scripts of India have none."""
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
    """All versions of a grapheme cluster with its base letter replaced by a look-alike.

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
    # Unicode compares isolated shapes. An Arabic letter among letters that do not join has that shape and can stand for
    # one of them; a letter that does not join cannot stand for an Arabic one within a word.
    return script(letter) != "ARABIC" and _is_right_to_left(other) == _is_right_to_left(letter)


def _is_right_to_left(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL")


@cache
def _groups() -> dict[str, tuple[str, ...]]:
    """The letters of the recommended scripts, each with all that have the same shape (itself included)."""
    try:
        data = resources.files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8")
    except ModuleNotFoundError:
        raise MissingPackage("LookalikePerturbation needs", "confusable-homoglyphs") from None
    # For every shape, the file lists the prototype with all its look-alikes, and each of those with the prototype only.
    # Right-to-left characters are enclosed in direction marks.
    groups: dict[str, list[str]] = {}
    for character, likes in json.loads(data).items():
        if len(character.strip("\u200e")) > 1:
            continue  # letters that look like the same sequence can differ (in Arabic, by their dots)
        names = [character.strip("\u200e"), *(like["c"].strip("\u200e") for like in likes)]
        letters = [name for name in names if _is_everyday(name)]
        for letter in letters:
            groups.setdefault(letter, []).extend(letters)
    # Two letters of one shape may be linked only through their prototype: one step of closure joins them.
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

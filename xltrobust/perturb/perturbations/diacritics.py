"""Diacritics: marks dropped from letters, as hurried writers do, or added to letters that have none."""

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
from xltrobust.text.scripts import script_of

Operation = Literal["remove", "add"]

# The accented letters of each language's orthography; an empty list means that it (almost) never uses any.
_LETTERS = {
    "en id ms sw": "",
    "fr": "àâçéèêëîïôùûüÿ",
    "de": "äöü",
    "fi sv": "äåö",
    "et": "äõöü",
    "es gl eu": "áéíóúüñ",
    "ca": "àçéèíïóòúü",
    "pt": "áâãàçéêíóôõú",
    "it": "àèéìòù",
    "nl": "éëïóöü",
    "pl": "ąćęńóśźż",
    "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "hu": "áéíóöőúüű",
    "ro": "ăâîșț",
    "tr az": "âçğöşü",
    "hr bs sr": "čćšž",
    "sl": "čšž",
    "da nb nn no": "åé",
    "is": "áéíóöúý",
    "lt": "ąčęėįšūųž",
    "lv": "āčēģīķļņšūž",
    "yo": "áàéèẹíìóòọṣúù",
    "vi": "áàảãạăâéèẻẽẹêíìỉĩịóòỏõọôơúùủũụưýỳỷỹỵ",
}
_BY_LANGUAGE = {code: letters for codes, letters in _LETTERS.items() for code in codes.split()}
# For languages without a list: the most common letters with marks of their script.
_BY_SCRIPT = {
    "Latn": "áàâäãéèêëíìîïóòôöõúùûüñç",
    "Grek": "άέήίόύώϊϋ",
    "Cyrl": "а\u0301е\u0301ёи\u0301йо\u0301у\u0301э\u0301ю\u0301я\u0301",
    "Deva": "क\u093cख\u093cग\u093cज\u093cड\u093cढ\u093cफ\u093c",
}
_HARAKAT = "\u064e\u064f\u0650\u0652"  # the short vowels, and sukun, which marks that there is none
_ARABIC_LETTERS = frozenset("بتثجحخدذرزسشصضطظعغفقكلمنهويکگپچژی")
_STROKES = str.maketrans("đĐłŁøØħĦŧŦ", "dDlLoOhHtT")  # NFD does not decompose these
_NUKTAS = "\u093c\u09bc\u0a3c\u0abc\u0b3c"
_TONES = "\u0e48\u0e49\u0e4a\u0e4b\u0ec8\u0ec9\u0eca\u0ecb"  # Thai, Lao
_HAMZA = "\u0653\u0654\u0655"  # madda and hamza; dropped from alef only, where writers do leave them out
_MARKED_SCRIPTS = frozenset("Latn Grek Cyrl Arab Deva Beng Guru Gujr Orya Thai Laoo".split())


class DiacriticsPerturbation(SitePerturbation):
    """Drops marks from one letter (é to e; ế to ê, é or e), or adds a mark to a letter that has none.

    Marks that can be dropped: Latin accents (and the strokes of đ, ł, ø), Greek and Cyrillic accents; Arabic vowel
    signs, and the hamza or madda of an alef; the nukta of Indian scripts; Thai and Lao tone marks. Marks that no
    writer leaves out are kept: the vowel signs and viramas of Indian scripts, and Japanese voicing marks.

    Marks that can be added: those with which the language's orthography writes that letter, or the common Latin ones
    if it has none; Greek accents; stress marks, й and ё in Cyrillic; short vowels in Arabic; the nukta in Devanagari.

    Args:
        operations: what to do. All operations that are possible somewhere in the example are equally likely to be
            sampled.
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``operations`` or ``sides`` is empty or contains an unknown name.

    References:
        - Náplava et al. Understanding model robustness to user-generated noisy texts. W-NUT 2021.
        - Boucher et al. Bad characters: imperceptible NLP attacks. IEEE S&P 2022.
    """

    lacking = "diacritics to drop or add"

    def __init__(
        self,
        *,
        operations: Sequence[Operation] = ("remove", "add"),
        sides: Sequence[Side] = ("text", "text_pair"),
    ) -> None:
        super().__init__(sides=sides)
        self.operations = checked_subset("operations", operations, get_args(Operation))

    def supports(self, language: str) -> bool:
        """Whether one of the operations is possible. Marks can be added even in a language that uses none."""
        script = script_of(language)
        removes = script in _MARKED_SCRIPTS and _BY_LANGUAGE.get(base_language(language)) != ""
        adds = script in _BY_SCRIPT or script == "Arab"
        return not script or ("remove" in self.operations and removes) or ("add" in self.operations and adds)

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        found = _sites(text, language)
        return {operation: found[operation] for operation in self.operations}


@lru_cache(maxsize=1024)
def _sites(text: str, language: str) -> Mapping[Operation, Sequence[Site]]:
    found: dict[Operation, list[Site]] = {"remove": [], "add": []}
    for at, cluster in enumerate(cluster_bounds(text).clusters):
        if options := without_marks(cluster):
            found["remove"].append(Site(at, at + 1, options))
        if options := with_mark(cluster, language):
            found["add"].append(Site(at, at + 1, options))
    return found


@lru_cache(maxsize=65536)
def without_marks(cluster: str) -> tuple[str, ...]:
    """A grapheme cluster without all of its droppable marks and, if it has several, without each one of them.

    >>> without_marks("é"), without_marks("đ"), without_marks("أ"), without_marks("कि"), without_marks("ɛ")
    (('e',), ('d',), ('ا',), (), ())
    >>> [unicodedata.normalize("NFC", option) for option in without_marks("ế")]
    ['e', 'é', 'ê']
    """
    decomposed = unicodedata.normalize("NFD", cluster)
    places = [at for at in range(1, len(decomposed)) if _is_droppable(decomposed[at], decomposed[0])]
    bare = "".join(character for at, character in enumerate(decomposed) if at not in places)
    options = [bare.translate(_STROKES)]
    if len(places) > 1:
        options += [decomposed[:at] + decomposed[at + 1 :] for at in places]
    composed = (unicodedata.normalize("NFC", option) for option in options)
    return tuple(option for option in dict.fromkeys(composed) if option != unicodedata.normalize("NFC", cluster))


def _is_droppable(mark: str, base: str) -> bool:
    if "\u0300" <= mark <= "\u036f":
        return base.isalpha()
    if mark in _HAMZA:
        return base == "ا"
    return "\u064b" <= mark <= "\u0652" or mark == "\u0670" or mark in _NUKTAS or mark in _TONES


@lru_cache(maxsize=65536)
def with_mark(cluster: str, language: str) -> tuple[str, ...]:
    """All versions of an unmarked letter with one of the marks that its language uses on it.

    >>> with_mark("u", "de"), with_mark("U", "fr"), with_mark("u", "pl"), with_mark("é", "fr")
    (('ü',), ('Ù', 'Û', 'Ü'), (), ())
    """
    if len(cluster) != 1:
        return ()
    if cluster in _ARABIC_LETTERS:
        return tuple(cluster + mark for mark in _HARAKAT)
    options = _added(base_language(language), script_of(language)).get(cluster.lower(), ())
    return tuple(option.upper() for option in options) if cluster.isupper() else options


@lru_cache(maxsize=1024)
def _added(base: str, script: str) -> Mapping[str, tuple[str, ...]]:
    """The versions with a mark of each unmarked letter."""
    orthography = _BY_LANGUAGE.get(base) if script == "Latn" else None
    table: dict[str, tuple[str, ...]] = {}
    for marked in cluster_bounds(orthography or _BY_SCRIPT.get(script, _BY_SCRIPT["Latn"])).clusters:
        letter = unicodedata.normalize("NFD", marked)[0]
        table[letter] = (*table.get(letter, ()), unicodedata.normalize("NFC", marked))
    return table

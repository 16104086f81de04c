"""Letter case: changes the case of one letter or one word, by the rules of the language."""

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
from xltrobust.text.letter_case import change_case
from xltrobust.text.scripts import script_of
from xltrobust.text.words import script, split_words

Unit = Literal["letter", "word"]

_CASED = frozenset(["LATIN", "GREEK", "CYRILLIC", "ARMENIAN"])  # Georgian uses its capitals in headlines only
_CASED_SCRIPTS = frozenset(["Latn", "Grek", "Cyrl", "Armn"])


class CasePerturbation(SitePerturbation):
    """Swaps the case of one letter, or writes one word all in capitals or all in lower case.

    The rules are Unicode's (the capital of ß is SS; a sigma at the end of a word is lowercased to ς). Turkish and
    Azerbaijani keep dotted i and dotless ı apart. A letter whose capital is two letters, such as ß, changes only when
    its whole word does.

    Args:
        units: whether to change single letters, whole words or both. All units that are possible somewhere in the
            example are equally likely to be sampled.
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``units`` or ``sides`` is empty or contains an unknown name.

    References:
        - Moradi & Samwald. Evaluating the robustness of neural language models to input perturbations. EMNLP 2021.
    """

    lacking = "letter case"

    def __init__(
        self, *, units: Sequence[Unit] = ("letter", "word"), sides: Sequence[Side] = ("text", "text_pair")
    ) -> None:
        super().__init__(sides=sides)
        self.units = checked_subset("units", units, get_args(Unit))

    def supports(self, language: str) -> bool:
        """Whether the language's script has capitals (Latin, Greek, Cyrillic, Armenian) or is not known."""
        return script_of(language) in _CASED_SCRIPTS or not script_of(language)

    def sites(self, text: str, language: str) -> Mapping[str, Sequence[Site]]:
        found = _sites(text, base_language(language) in ("tr", "az"))
        return {unit: found[unit] for unit in self.units}


@lru_cache(maxsize=1024)
def _sites(text: str, turkic: bool) -> Mapping[Unit, Sequence[Site]]:
    letters, words = [], []
    at_bound = {bound: at for at, bound in enumerate(cluster_bounds(text).bounds)}
    for word in split_words(text):
        if not all(script(cluster[0]) in _CASED for cluster in word.clusters):
            continue
        first = at_bound[word.bounds[0]]
        for at, cluster in enumerate(word.clusters, first):
            if (swapped := swap_letter(cluster, turkic=turkic)) != cluster:
                letters.append(Site(at, at + 1, (swapped,)))
        whole = "".join(word.clusters)
        forms = (change_case(whole, upper=True, turkic=turkic), change_case(whole, upper=False, turkic=turkic))
        if options := tuple(form for form in forms if form != whole):
            words.append(Site(first, first + len(word.clusters), options))
    return {"letter": letters, "word": words}


def swap_letter(cluster: str, *, turkic: bool = False) -> str:
    """A letter in the other case, or unchanged if that would not be a single letter.

    >>> [swap_letter(letter) for letter in "aÉǅßς1"], swap_letter("i", turkic=True)
    (['A', 'é', 'ǆ', 'ß', 'Σ', '1'], 'İ')
    """
    letter = unicodedata.normalize("NFC", cluster)
    upper = not (letter[0].isupper() or letter[0].istitle())
    changed = change_case(cluster, upper=upper, turkic=turkic)
    if len(unicodedata.normalize("NFC", changed)) != len(letter):
        return cluster
    return changed

"""How far languages are from the source: typologically (URIEL), and in script."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from langcodes import Language
from numpy.typing import NDArray

from xltrobust.errors import MissingPackage, UserError
from xltrobust.text.languages import base_language
from xltrobust.text.scripts import script_of

# URIEL has both macrolanguages and their members: the member that test sets are usually in.
_MEMBERS = {
    "ara": "arb", "aze": "azj", "est": "ekk", "fas": "pes", "grn": "gug", "kur": "kmr", "lav": "lvs", "mlg": "plt",
    "mon": "khk", "msa": "zsm", "nep": "npi", "nor": "nob", "orm": "gaz", "ori": "ory", "pus": "pbt", "que": "quz",
    "sqi": "als", "swa": "swh", "uzb": "uzn", "yid": "ydd", "zho": "cmn",
}  # fmt: skip
_PREFIXES = {"syntax": "S_", "phonology": "P_", "inventory": "INV_"}


def typological_distance(source: str, languages: Sequence[str], features: str = "syntax") -> dict[str, float]:
    """The cosine distance of URIEL's feature vectors, 0 (alike) to 1, by language.

    The vectors are those that lang2vec calls ``syntax_knn``: features from WALS, SSWL and Ethnologue, with gaps filled
    from the nearest languages. The package's data are read, not its code, which needs a module that setuptools no
    longer has.

    Args:
        source: the language from which the distance is measured.
        languages: language codes.
        features: syntax, phonology, or inventory (of sounds).

    Returns:
        Without the languages that URIEL has observed no such feature of.

    Raises:
        MissingPackage: without lang2vec.
        UserError: if URIEL has observed no such feature of the source, or the features are none of these.
        ValueError: if a code is not a language's.

    References:
        Littell et al. 2017, "URIEL and lang2vec: representing languages as typological, geographical, and phylogenetic
        vectors", EACL.
    """
    if features not in _PREFIXES:
        raise UserError(f"no typological features {features!r}; there are {', '.join(_PREFIXES)}.")
    start = _vector(source, features)
    if start is None:
        raise UserError(f"URIEL has observed no {features} of {source!r}.")
    found = {}
    for language in languages:
        there = _vector(language, features)
        if there is not None:
            cosine = float(start @ there / np.sqrt((start @ start) * (there @ there)))
            found[language] = max(0.0, 1 - cosine)
    return found


def script_distance(source: str, languages: Sequence[str]) -> dict[str, float]:
    """1 for languages in another script than the source's, 0 for those in the same.

    >>> script_distance("en", ["de", "ru", "zh-CN"])
    {'de': 0.0, 'ru': 1.0, 'zh-CN': 1.0}
    """
    return {language: float(script_of(language) != script_of(source)) for language in languages}


def _vector(language: str, features: str) -> NDArray[np.float32] | None:
    """A language's vector: of its macrolanguage's code or its usual member's, whichever has more observations."""
    vectors = _vectors(features)
    code = Language.get(base_language(language)).to_alpha3()
    found = [vectors[each] for each in (_MEMBERS.get(code, code), code) if each in vectors]
    return max(found, key=lambda own: own[1])[0] if found else None


@lru_cache(maxsize=4)
def _vectors(features: str) -> dict[str, tuple[NDArray[np.float32], int]]:
    """Vectors of the languages that something was observed of, each with the number of observed features."""
    spec = find_spec("lang2vec")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage("typological distances need", "lang2vec", "typology")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    tables = []
    for file in ("feature_predictions.npz", "feature_averages.npz"):
        with np.load(folder / file, allow_pickle=False) as archive:
            columns = [at for at, name in enumerate(archive["feats"]) if str(name).startswith(_PREFIXES[features])]
            tables.append(dict(zip(map(str, archive["langs"]), archive["data"][:, columns, 0], strict=True)))
    filled, observed = tables
    # Every ISO 639-3 code has a vector, of guesses alone if nothing was observed (-1 in all of its averages).
    known = {code: int((observed[code] >= 0).sum()) for code in filled}
    return {code: (row, known[code]) for code, row in filled.items() if known[code]}

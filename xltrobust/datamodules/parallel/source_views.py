"""The control that trains on two views of the source texts: what it needs, and how its length compares."""

from __future__ import annotations

import numpy as np

from xltrobust.datamodules.parallel.prepared import PairData
from xltrobust.datamodules.parallel.stream import pair_examples
from xltrobust.encoders.tokenization import Tokenization
from xltrobust.errors import UserError
from xltrobust.text.languages import base_language

_MEASURED = 2000  # pairs


def check_source_views(data: PairData, source: str) -> None:
    """Refuses a corpus whose source texts are not all in the task's language: they would teach another language.

    Raises:
        UserError: naming the pair of languages, or if the view cannot change texts in the task's language.
    """
    for languages in data.languages:
        if base_language(languages[0]) != base_language(source):
            raise UserError(
                "The control source_views trains on the source texts of the pairs, which have to be in the task's "
                f"language, {source!r}, but the corpus has pairs of {' and '.join(languages)}: exchange their sides, "
                "or leave them out."
            )
    if data.view is not None:
        data.view.perturbation.require(source)


def relative_tokens(data: PairData, tokenization: Tokenization) -> float:
    """The tokens of a control's pairs as a share of the true pairs', from up to 2,000 evenly spaced pairs."""
    rows = np.arange(0, len(data), -(-len(data) // _MEASURED))
    own, true = (
        int(tokenization.table(pair_examples(pairs.pairs(rows)), keep=False).lengths.sum())
        for pairs in (data, data.without_control)
    )
    return round(own / true, 4)

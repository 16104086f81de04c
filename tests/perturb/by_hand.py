"""All texts that a perturbation can produce, for tests that list them by hand."""

import random
import unicodedata

from xltrobust.example import Example
from xltrobust.perturb.edits import apply_edits


def results(perturbation, text, language="en", seeds=1):
    example, texts = Example("0", language, text, 0), set()
    for seed in range(seeds):
        edits = perturbation.candidates(example, random.Random(seed))
        texts.update(unicodedata.normalize("NFC", apply_edits(example, [edit]).text) for edit in edits)
    return texts

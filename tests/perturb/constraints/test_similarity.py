from pathlib import Path

import numpy as np
import pytest
import torch
from perturb.victims import BagOfWords, Replacing
from transformers import AutoModel, AutoTokenizer

from xltrobust.encoders.sentence_encoder import SentenceEncoder
from xltrobust.example import Example
from xltrobust.perturb import GreedySearch, SemanticSimilarity, attack

TEXTS = ["turn it off", "turn it of", "关掉灯", "", "a much longer text, which is padded otherwise than the others are"]


def test_vectors_are_the_mean_of_the_last_layer(tiny_encoder: Path) -> None:
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_encoder), AutoModel.from_pretrained(tiny_encoder).eval()
    found = SentenceEncoder(str(tiny_encoder), prefix="q: ")([Example("0", "en", text, 0) for text in TEXTS])
    for text, vector in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            hidden = model(**tokenizer("q: " + text, return_tensors="pt")).last_hidden_state[0].mean(0).numpy()
        np.testing.assert_allclose(vector, hidden / np.linalg.norm(hidden), atol=1e-5)


def test_the_side_that_changed_most_counts_whatever_the_batch(tiny_encoder: Path) -> None:
    encoder = SentenceEncoder(str(tiny_encoder), prefix="")
    old = Example("0", ("en", "zh"), "turn it off", 0, "关掉灯")
    changed = [Example("0", ("en", "zh"), a, 0, b) for a in ("turn it off", "turn xx off") for b in ("关掉灯", "开灯")]
    together = encoder.similarities([(old, new) for new in changed])
    alone = [SentenceEncoder(str(tiny_encoder), prefix="").similarities([(old, new)])[0] for new in changed]
    np.testing.assert_array_equal(together, np.float32(alone))
    assert together[0] == 1 and together[3] == min(together[1:3]) < 1


def test_what_is_refused_is_not_asked_and_counted(tiny_encoder: Path) -> None:
    example, table = Example("0", "en", "one two", 0), {"one": ["won", "xxxxxxxx"], "two": ["too"]}
    pairs = [(example, Example("0", "en", text, 0)) for text in ("won two", "xxxxxxxx two", "one too")]
    cosines = SentenceEncoder(str(tiny_encoder)).similarities(pairs)
    middle = float(np.sort(cosines)[:2].mean())
    victim = BagOfWords({"one": 5.0, "two": 5.0})
    options = {"perturbation": Replacing(table), "search": GreedySearch(ranking="random")}
    for minimum, refused in ((-0.999, 0), (middle, None), (1.0, 3)):
        victim.asked = []
        own = SemanticSimilarity(minimum=minimum, encoder=str(tiny_encoder))
        (result,) = attack([example], victim, constraints=[own], **options)
        asked = [other for other in victim.asked if other.text != example.text]
        if asked:
            pairs = [(example, other) for other in asked]
            assert (SentenceEncoder(str(tiny_encoder)).similarities(pairs) >= minimum).all()
        if refused is not None:
            assert result.refused == (refused,)
        else:
            assert result.refused[0] >= 1
    assert not asked and result.adversarial is None


@pytest.mark.parametrize("minimum", [-1, 1.1, None, True])
def test_wrong_minima_are_refused(minimum):
    with pytest.raises(ValueError, match="Expected argument `minimum` to be a number"):
        SemanticSimilarity(minimum=minimum)

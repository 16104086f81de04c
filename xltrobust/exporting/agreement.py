"""Whether an exported directory answers as the run's model does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.exporting.layout import Layout, Texts

if TYPE_CHECKING:
    from xltrobust.encoders.tokenization import Tokenization
    from xltrobust.models.classifier import RobustClassifier

_TOLERANCE = 1e-4
# The first article of the Universal Declaration of Human Rights, or its beginning, in ten scripts.
SENTENCES = (
    "All human beings are born free and equal in dignity and rights.",
    "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "人人生而自由,在尊严和权利上一律平等。",
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
)


def twenty_texts(tokenization: Tokenization, pairs: bool) -> Texts:
    """Ten sentences, and each again so often that it has to be cut; or as many pairs of them."""
    # Not much longer than that: of pairs, tokenizers makes all combinations of what it cuts off.
    often = [2 * tokenization.max_length // len(ids) + 1 for ids in tokenization.words(SENTENCES)]
    texts = [*SENTENCES, *(" ".join([own] * number) for own, number in zip(SENTENCES, often, strict=True))]
    return list(zip(texts, [*texts[1:], texts[0]], strict=True)) if pairs else texts


def largest_difference(
    directory: Path, layout: Layout, module: RobustClassifier, tokenization: Tokenization, pairs: bool
) -> float:
    """The largest difference of a logit between a run's model and the directory it was exported to, over twenty texts.

    Args:
        directory: as ``layout`` wrote it.
        layout: loads it.
        module: the run's model.
        tokenization: the run's.
        pairs: whether the model classifies pairs of texts.

    Raises:
        UserError: if it is too large: such a directory must not be handed out.
    """
    import torch

    texts = twenty_texts(tokenization, pairs)
    examples = [
        Example(str(at), "en", *((own, 0) if isinstance(own, str) else (own[0], 0, own[1])))
        for at, own in enumerate(texts)
    ]
    table = tokenization.table(examples)
    with torch.no_grad():  # one by one, so that padding, which the library adds, must make no difference
        ours = torch.cat([module(tokenization.collate([table.row(at)])).logits for at in range(len(table))])
    theirs = layout.logits(directory, texts).to(ours)
    difference = (ours - theirs).abs()
    worst = float(difference.max())
    if not worst <= _TOLERANCE:  # NaN is not
        at = int(difference.max(1).values.nan_to_num(torch.inf).argmax())
        raise UserError(
            f"The exported model answers {theirs[at].tolist()} where the run's answers {ours[at].tolist()}: this "
            f"encoder cannot be exported for {layout.library}."
        )
    return worst

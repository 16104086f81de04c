"""Every regularizer, as tests build it; add a line for a new one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import WORDS
from xltrobust.datamodules import PairTable, ParallelCorpus, StatisticalAligner
from xltrobust.perturb import RandomView, TypoPerturbation
from xltrobust.regularizers import (
    R3F,
    AdversarialTraining,
    Ball,
    ConsistencyRegularization,
    DataAugmentation,
    ExtraCleanBatches,
    FreeLB,
    RandomPerturbation,
    Regularizer,
    SentenceAlignment,
    SmoothnessInducing,
    VirtualAdversarial,
    WordAlignment,
)

BALL = Ball(epsilon=0.3)
TYPOS = RandomView(perturbation=TypoPerturbation(), rate=0.3)

REGULARIZERS: dict[str, Callable[[], Regularizer]] = {
    "adv": lambda: AdversarialTraining(ball=BALL),
    "adv, 3 random steps": lambda: AdversarialTraining(ball=BALL, steps=3, start="random"),
    "adv, clean share": lambda: AdversarialTraining(ball=BALL, clean_share=0.5, steps=2),
    "adv, random start, clean share": lambda: AdversarialTraining(ball=BALL, clean_share=0.5, start="random"),
    "adv, layer": lambda: AdversarialTraining(ball=BALL, layer=1),
    "adv, linf": lambda: AdversarialTraining(ball=Ball(norm="linf", epsilon=0.1), steps=2),
    "adv, example": lambda: AdversarialTraining(ball=Ball(scope="example", epsilon=0.5), steps=2, step_size=0.2),
    "rs-rp": lambda: RandomPerturbation(ball=BALL),
    "rs-rp, gaussian, clean share": lambda: RandomPerturbation(ball=BALL, distribution="gaussian", clean_share=0.3),
    "rs-da": lambda: DataAugmentation(view=TYPOS),
    "freelb": lambda: FreeLB(ball=BALL),
    "freelb, zero": lambda: FreeLB(ball=BALL, steps=2, start="zero"),
    "r3f": lambda: R3F(ball=BALL, weight=0.5),
    "r3f, detached": lambda: R3F(ball=BALL, detach_embeddings=True),
    "smart": lambda: SmoothnessInducing(),
    "smart, smoothness": lambda: SmoothnessInducing(proximal=False, steps=2),
    "smart, proximal": lambda: SmoothnessInducing(smoothness=False),
    "vat": lambda: VirtualAdversarial(ball=BALL),
    "extra": lambda: ExtraCleanBatches(examples=5),
    "consistency": lambda: ConsistencyRegularization(view=TYPOS),
}

# Those that learn from parallel text, which the data module then has to provide.
ALIGNMENT: dict[str, Callable[[], Regularizer]] = {
    "sentences, mse": lambda: SentenceAlignment(loss="mse"),
    "sentences, mse, classifier": lambda: SentenceAlignment(loss="mse", vector="classifier"),
    "sentences, info_nce": lambda: SentenceAlignment(),
    "sentences, info_nce, stopped": lambda: SentenceAlignment(stop_gradient="source"),
    "words, l2": lambda: WordAlignment(),
    "words, l2, not kept": lambda: WordAlignment(keep=0, subwords="mean"),
    "words, l2, one to one": lambda: WordAlignment(subwords="first", dimensions="sum", one_to_one=True),
    "words, weak": lambda: WordAlignment(loss="weak"),
    "words, strong": lambda: WordAlignment(loss="strong"),
}


def tiny_corpus(pairs: Path, **options: object) -> ParallelCorpus:
    """A corpus of the sentence pairs in a file of ``write_tiny_pairs``."""
    table = PairTable(path=str(pairs), source_language="en", target_language_column="language")
    aligner = StatisticalAligner(model="fast_align")
    return ParallelCorpus(**{"bitexts": [table], "aligner": aligner, "held_out": 10} | options)


def write_translations(task: Path, path: Path) -> Path:
    """Writes the training texts of ``write_tiny_task`` with word-by-word translations, the first word last."""
    english = [word for part in WORDS["en"] for word in part]
    lines = ["source\ttarget\tlanguage"]
    for row in (task / "en" / "train.tsv").read_text(encoding="utf8").splitlines()[1:]:
        text = row.split("\t")[1]
        for language in ("de", "zh"):
            translation = dict(zip(english, [word for part in WORDS[language] for word in part], strict=False))
            first, *others = [translation[word] for word in text.split()]
            lines.append("\t".join([text, " ".join([*others, first]), language]))
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def write_synonyms(folder: Path) -> Path:
    """Writes a table of English words of the tiny task with one to three replacements each."""
    path = folder / "synonyms.tsv"
    path.write_text("house\thome\nnear\tclose\tby\nold\taged\tancient\telderly\n", encoding="utf8")
    return path

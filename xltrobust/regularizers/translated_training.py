"""Trains on the labelled texts' own translations in place of the texts (translate-train), new ones in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import pytorch_lightning as pl

from xltrobust.datamodules.draw import Draw
from xltrobust.datamodules.parallel.translations import Translation, Translations
from xltrobust.errors import IncompatibleRegularizer, UserError
from xltrobust.example import Example, Language, Side
from xltrobust.regularizers.base import Regularizer

Sides = Literal["text", "text_pair", "both"]
Order = Literal["random", "cycle"]


class TranslatedTraining(Regularizer):
    """Puts the translation of a labelled text in its place, into a language drawn for each example and epoch.

    The translations are the sentence pairs of the data's parallel corpus whose source text is the labelled one: those
    of :class:`~xltrobust.datamodules.TaskTranslations`, or of any bitext whose source texts are the labelled ones. This
    is translate-train with the label kept, and the counterpart of :class:`SentenceAlignment` on the same pairs. Texts
    without a translation stay as they are. The example's language becomes that of the translation; other methods
    that change texts, such as :class:`DataAugmentation`, change the translation.

    The pairs whose text a training step reads count as visited (``pairs`` in ``results.json``). ``results.json`` also
    has the share of examples that have a translation, by language (``examples_with_translation`` of the data).

    Cost of a training step: that of a plain one on texts of the new lengths.

    Args:
        share: of the examples that are translated in an epoch.
        languages: to translate into, in any spelling; None takes all that the corpus translates training texts into.
        sides: which texts of a pair task are translated: the first, the second, or both, into one language. With
            ``both``, a language counts for a pair if both of its texts have a translation into it.
        draw: ``random`` draws a language for each example and epoch, and in it one of its translations (mostly there
            is one). ``cycle`` has each example go through all of its N translations in an order of its own, drawn anew
            for each round: with ``share`` 1 each comes exactly once in N epochs that have the example, and with less
            within N / share (rounded up) of them. An epoch leaves out the examples that do not fill its last batch;
            such an example goes on in its order in the next epoch.
        name: tells it from another TranslatedTraining of the same training.

    Raises:
        ValueError: if ``share`` is not in (0, 1], or ``sides`` or ``draw`` is unknown.
        UserError: at the start, if there is no parallel corpus, no training text has a translation, or none into one
            of the languages.
        IncompatibleRegularizer: at the start, if another method changes the texts before it, whose translations it
            could then not find.

    References:
        - Conneau et al. XNLI: evaluating cross-lingual sentence representations (translate-train). EMNLP 2018.
        - Gritta & Iacobacci. XeroAlign: zero-shot cross-lingual transformer alignment. Findings of ACL 2021.
    """

    stage = 0

    def __init__(
        self,
        *,
        share: float = 1.0,
        languages: list[str] | None = None,
        sides: Sides = "both",
        draw: Order = "random",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not 0 < share <= 1:
            raise ValueError(f"Expected argument `share` to be in (0, 1], but got {share}.")
        for argument, value, known in (("sides", sides, Sides), ("draw", draw, Order)):
            if value not in get_args(known):
                raise ValueError(f"Expected argument `{argument}` to be one of {get_args(known)}, but got {value!r}.")
        self.share, self.languages, self.sides, self.draw = share, languages, sides, draw
        self._translations: Translations | None = None
        self._codes: list[str] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            require_originals(self, trainer.callbacks)  # type: ignore[attr-defined]
            self.prepare(trainer.datamodule)  # type: ignore[attr-defined]
        super().setup(trainer, pl_module, stage)

    def prepare(self, data: Any) -> None:
        """Looks up the translations of a data module's training texts."""
        examples: list[Example] = data.train_examples
        if self.sides == "text_pair" and examples and examples[0].text_pair is None:
            raise UserError(f"{self.name}: sides: text_pair is for tasks of pairs of texts, and this is none.")
        self._translations = data.translations
        self._codes = self._translations.named(self.languages)
        having = [self.options(example).keys() for example in examples]
        shares = {
            code: round(sum(code in codes for codes in having) / max(len(examples), 1), 4) for code in self._codes
        }
        if not any(shares.values()):
            raise UserError(
                f"{self.name}: no training example has a translation of {self.sides} into {', '.join(self._codes)}."
            )
        data.counts.setdefault("examples_with_translation", {})[self.name] = shares

    def options(self, example: Example) -> dict[str, list[Translation]]:
        """The translations of an example by language; empty if it has none."""
        assert self._translations is not None
        texts = [getattr(example, side) for side in self._sides(example)]
        return self._translations.of(texts, self._codes, whole=True)

    def augment(self, examples: Sequence[Example], rng: Draw) -> Sequence[Example]:
        return [self.translated(example, rng) for example in examples]

    def translated(self, example: Example, draw: Draw) -> Example:
        """An example's translation; the example itself if it is not drawn, or has none."""
        if (chosen := drawn(self.options(example), draw, self.share, self.draw, self.name)) is None:
            return example
        assert self._translations is not None
        rows = [row for row in chosen.rows if row is not None]
        draw.visit(rows)
        sides = self._sides(example)
        texts = {side: self._translations.data.texts(row)[1] for side, row in zip(sides, rows, strict=True)}
        return replace(example, language=_language(example, sides, chosen.language), **texts)  # type: ignore[arg-type]

    def _sides(self, example: Example) -> tuple[Side, ...]:
        if example.text_pair is None:
            return ("text",)
        return ("text", "text_pair") if self.sides == "both" else (self.sides,)


def drawn(
    options: dict[str, list[Translation]], draw: Draw, share: float, order: Order, purpose: str
) -> Translation | None:
    """One of an example's translations, as the ``order`` has it; None if the example is to stay as it is."""
    if order == "cycle":
        flat = [translation for of_language in options.values() for translation in of_language]
        at = draw.cycled(len(flat), share, purpose)
        return None if at is None else flat[at]
    if not options or draw.random() >= share:
        return None
    return draw.choice(options[draw.choice(list(options))])


def require_originals(own: Regularizer, callbacks: Sequence[pl.Callback]) -> None:
    """Refuses a regularizer that looks texts up in the corpus, if others have changed them by then.

    Those of a lower stage come first wherever they are listed, and those of its own stage if they are listed first.

    Raises:
        IncompatibleRegularizer: if there are such; a translation leaves the other examples as they are and is none.
    """
    listed_first = True
    for other in callbacks:
        if other is own:
            listed_first = False
        if not isinstance(other, Regularizer) or other is own or isinstance(other, TranslatedTraining):
            continue
        if type(other).augment is Regularizer.augment or other.stage > own.stage:
            continue
        if other.stage < own.stage or listed_first:
            remedy = f"put {own.name} before {other.name} in trainer.callbacks"
            if other.stage < own.stage:
                remedy = f"train with one of them (stage {other.stage} comes before {own.stage} in any order)"
            raise IncompatibleRegularizer(
                f"{own.name} finds the translations of the training texts as they are, but {other.name} has changed "
                f"them by then: {remedy}."
            )


def _language(example: Example, sides: Sequence[Side], language: str) -> Language:
    if example.text_pair is None or len(sides) == 2:
        return language
    first, second = example.side_language("text"), example.side_language("text_pair")
    return (language, second) if sides == ("text",) else (first, language)

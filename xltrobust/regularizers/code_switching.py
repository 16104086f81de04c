"""CoSDA-ML: training texts in which words are replaced by translations from a lexicon."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytorch_lightning as pl

from xltrobust.errors import IncompatibleRegularizer
from xltrobust.example import Example, Side
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.perturbations.code_mixing import CodeMixing, direction
from xltrobust.regularizers.base import Regularizer
from xltrobust.seeding import derived_seed
from xltrobust.text.bilingual_lexicon import BilingualLexicon
from xltrobust.text.languages import base_language
from xltrobust.text.word_table import WordTable
from xltrobust.text.words import count_words

_MEASURED = 2000  # examples from which the share of switched words is estimated


class CodeSwitching(Regularizer):
    """Trains on texts in which words are replaced by translations, drawn anew in every epoch.

    A text is switched with probability ``sentences``. For each word of it, with probability ``words``, a language is
    drawn, and a random translation into that language replaces the word. Where the language's lexicon lacks the word,
    the word is kept, as in CoSDA-ML (``lacking: leave``), so that fewer words are switched than ``words`` says; with
    ``lacking: redraw`` the language is drawn among those that have the word, and only words without any translation are
    kept. The share of words that is switched is estimated at the start (``words_switched`` of the data in
    ``results.json``).

    The default lexicon is induced from the data's parallel corpus, from the words aligned in its sentence pairs, which
    makes this the word-level counterpart of :class:`SentenceAlignment` on the same text. Case and spaces are handled as
    in the code-mixing attack. The authors' code instead lower-cases all texts, those of the tests too, splits words at
    spaces alone, so that they include punctuation, and draws ``sentences`` for each text of a pair separately.

    Cost of a training step: that of a plain one on texts of the new lengths.

    Args:
        lexicons: bilingual lexicons by direction ("en-de"): files that :class:`~xltrobust.perturb.CodeMixing` takes,
            or a :class:`~xltrobust.text.bilingual_lexicon.BilingualLexicon` each, which finds inflected words too and
            can be shuffled; None takes those induced from the parallel corpus.
        languages: languages to switch to; None takes all that the lexicons have.
        sentences: s, the share of texts that are switched.
        words: t, the share of their words for which a language is drawn.
        lacking: what to do with a word that the language drawn for it lacks: ``leave`` it, or ``redraw`` the language.
        name: tells it from another CodeSwitching of the same training.

    Raises:
        ValueError: if a share is not in [0, 1], ``lacking`` is unknown, or a lexicon's name is not two languages.
        UserError: at the start, if no lexicon translates from the source language.

    References:
        - Qin et al. CoSDA-ML: multi-lingual code-switching data augmentation for zero-shot cross-lingual NLP.
          IJCAI 2020.
    """

    def __init__(
        self,
        *,
        lexicons: dict[str, str | BilingualLexicon] | None = None,
        languages: list[str] | None = None,
        sentences: float = 1.0,
        words: float = 0.6,
        lacking: Literal["leave", "redraw"] = "leave",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        for what, share in (("sentences", sentences), ("words", words)):
            if not 0 <= share <= 1:
                raise ValueError(f"Expected argument `{what}` to be in [0, 1], but got {share}.")
        if lacking not in ("leave", "redraw"):
            raise ValueError(f"Expected argument `lacking` to be 'leave' or 'redraw', but got {lacking!r}.")
        self.lexicons, self.languages, self.sentences, self.words = lexicons, languages, sentences, words
        self.lacking = lacking
        for direction_name in lexicons or ():
            direction(direction_name)
        self._switches: list[_Switch] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            self.prepare(trainer.datamodule)  # type: ignore[attr-defined]
        super().setup(trainer, pl_module, stage)

    def prepare(self, data: Any) -> None:
        """Reads the lexicons that translate from a data module's source language."""
        if self.lexicons is not None and data.parallel is not None and data.parallel.control == "shuffled_lexicon":
            raise IncompatibleRegularizer(
                "The control shuffled_lexicon shuffles the lexicon of the parallel corpus: to shuffle another, give a "
                "BilingualLexicon with `shuffled: true`."
            )
        lexicons = data.induced_lexicons() if self.lexicons is None else self.lexicons
        self._switches = switches(lexicons, data.source, self.languages)
        if not self._switches:
            raise IncompatibleRegularizer(
                f"No lexicon translates from {data.source!r} into another language: name one in `lexicons`, or a "
                "parallel corpus that contains the task's source language."
            )
        data.counts["words_with_translation"] = self.coverage(data.train_examples)
        data.counts.setdefault("words_switched", {})[self.name] = self.switched_share(data.train_examples)

    def coverage(self, examples: Sequence[Example]) -> dict[str, float]:
        """The share of word tokens that have a translation, by language."""
        total = _words(examples)
        return {
            switch.target: round(sum(len(switch.words(example)) for example in examples) / max(total, 1), 4)
            for switch in self._switches
        }

    def switched_share(self, examples: Sequence[Example]) -> float:
        """The share of word tokens that are switched, measured on up to 2,000 evenly spaced examples."""
        rng = random.Random(derived_seed("words_switched"))
        some = [examples[at] for at in range(0, len(examples), max(1, -(-len(examples) // _MEASURED)))]
        total = _words(some)
        switched = sum(
            count_words((getattr(example, edit.side) or "")[edit.start : edit.end])
            for example in some
            for edit in self._drawn(example, rng)
        )
        return round(switched / max(total, 1), 4)

    def augment(self, examples: Sequence[Example], rng: random.Random) -> Sequence[Example]:
        return [self.switched(example, rng) for example in examples]

    def switched(self, example: Example, rng: random.Random) -> Example:
        """An example with words switched; itself if it is not drawn, or has no word that can be switched."""
        chosen = self._drawn(example, rng)
        return apply_edits(example, chosen) if chosen else example

    def _drawn(self, example: Example, rng: random.Random) -> list[Edit]:
        if rng.random() >= self.sentences:
            return []
        chosen: list[Edit] = []
        done: dict[Side, int] = {}
        for (side, start, end), by_language in sorted(self._options(example).items(), key=lambda item: item[0][:2]):
            if start < done.get(side, 0) or rng.random() >= self.words:
                continue
            languages = by_language if self.lacking == "leave" else [edits for edits in by_language if edits]
            if translations := rng.choice(languages):
                chosen.append(rng.choice(translations))
                done[side] = end
        return chosen

    def _options(self, example: Example) -> dict[tuple[Side, int, int], list[list[Edit]]]:
        """The translations of each word by its place: a list for each language, empty where it has none."""
        found: dict[tuple[Side, int, int], list[list[Edit]]] = {}
        for at, switch in enumerate(self._switches):
            for edits in switch.words(example):
                place = edits[0].side, edits[0].start, edits[0].end
                found.setdefault(place, [[] for _ in self._switches])[at] = edits
        return found


def _words(examples: Sequence[Example]) -> int:
    return sum(count_words(text) for example in examples for text in (example.text, example.text_pair) if text)


def switches(
    lexicons: Mapping[str, str | WordTable], source: str, languages: Sequence[str] | None = None
) -> list[_Switch]:
    """One code-mixing for each language, so that a language with many translations of a word is not drawn more often.

    Args:
        lexicons: by direction ("en-de"); reversed where the source language is the second.
        source: the language of the texts.
        languages: languages to switch to; None takes all that the lexicons have.

    Raises:
        ValueError: if no lexicon translates into one of the languages.
    """
    source_code = base_language(source)
    by_language: dict[str, dict[str, str | WordTable]] = {}
    for name, lexicon in lexicons.items():
        pair = direction(name)
        if source_code in pair:
            target = pair[1] if pair[0] == source_code else pair[0]
            by_language.setdefault(target, {})[name] = lexicon
    wanted = list(by_language) if languages is None else [base_language(language) for language in languages]
    for language in wanted:
        if language not in by_language:
            raise ValueError(
                f"Expected argument `languages` to be among {sorted(by_language)}, into which the lexicons translate "
                f"from {source!r}, but got {language!r}."
            )
    return [_Switch(by_language[language], language) for language in dict.fromkeys(wanted)]


class _Switch(CodeMixing):
    """Code-mixing with one language."""

    def __init__(self, lexicons: dict[str, str | WordTable], target: str) -> None:
        super().__init__(lexicons=lexicons, languages=[target])
        self.target = target

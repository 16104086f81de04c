"""CoSDA-ML: training texts in which words are replaced by translations from a lexicon."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

import pytorch_lightning as pl

from xltrobust.datamodules.draw import Draw
from xltrobust.errors import IncompatibleRegularizer
from xltrobust.example import Example, Side
from xltrobust.perturb.edits import Edit, apply_edits
from xltrobust.perturb.matching_rate import evenly_spaced
from xltrobust.perturb.perturbations.code_mixing import direction
from xltrobust.regularizers.base import Regularizer
from xltrobust.regularizers.lexicon_words import Switch, switches
from xltrobust.regularizers.linked_words import LinkedWords
from xltrobust.regularizers.translated_training import Order, drawn, require_originals
from xltrobust.seeding import derived_seed
from xltrobust.text.bilingual_lexicon import BilingualLexicon
from xltrobust.text.words import count_words, count_words_of

_SIDES: tuple[Side, ...] = ("text", "text_pair")


class CodeSwitching(Regularizer):
    """Trains on texts in which words are replaced by translations, drawn anew in every epoch.

    With ``translations: lexicon`` they are those of a lexicon. With ``translations: links`` a word is replaced by what
    is linked to it in the text's own translation, a sentence pair of the parallel corpus whose source text it is
    (:class:`~xltrobust.regularizers.linked_words.LinkedWords`): the word-level counterpart of
    :class:`TranslatedTraining`. A pair counts as visited if its language is drawn for the text or for one of its words.

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
        translations: ``lexicon``, or ``links`` of the text's own translations, which the corpus then has to hold.
        lexicons: bilingual lexicons by direction ("en-de"): files that :class:`~xltrobust.perturb.CodeMixing` takes,
            or a :class:`~xltrobust.text.bilingual_lexicon.BilingualLexicon` each, which finds inflected words too and
            can be shuffled; None takes those induced from the parallel corpus.
        languages: languages to switch to; None takes all that the lexicons, or the translations, have.
        language: draw a language for each ``word``, or one for each text (``sentence``). By links, it is one of those
            into which the text has a translation.
        draw: how the language of a text is drawn: at ``random``, or in a ``cycle``, in which each example goes through
            all languages (by links: all of its translations) before one comes again; see :class:`TranslatedTraining`,
            whose ``share`` is here ``sentences``. For ``language: sentence`` alone.
        sentences: s, the share of texts that are switched.
        words: t, the share of their words for which a language is drawn.
        lacking: what to do with a word that the language drawn for it lacks: ``leave`` it, or ``redraw`` the language.
        name: tells it from another CodeSwitching of the same training.

    Raises:
        ValueError: if a share is not in [0, 1], an option is unknown or goes with another, or a lexicon's name is not
            two languages.
        UserError: at the start, if no lexicon translates from the source language, or, by links, no training text has a
            translation.
        IncompatibleRegularizer: at the start, by links, if another method changes the texts before it.

    References:
        - Qin et al. CoSDA-ML: multi-lingual code-switching data augmentation for zero-shot cross-lingual NLP.
          IJCAI 2020.
    """

    def __init__(
        self,
        *,
        translations: Literal["lexicon", "links"] = "lexicon",
        lexicons: dict[str, str | BilingualLexicon] | None = None,
        languages: list[str] | None = None,
        language: Literal["word", "sentence"] = "word",
        draw: Order = "random",
        sentences: float = 1.0,
        words: float = 0.6,
        lacking: Literal["leave", "redraw"] = "leave",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        for what, share in (("sentences", sentences), ("words", words)):
            if not 0 <= share <= 1:
                raise ValueError(f"Expected argument `{what}` to be in [0, 1], but got {share}.")
        for what, value, known in (
            ("translations", translations, ("lexicon", "links")),
            ("language", language, ("word", "sentence")),
            ("draw", draw, ("random", "cycle")),
            ("lacking", lacking, ("leave", "redraw")),
        ):
            if value not in known:
                raise ValueError(f"Expected argument `{what}` to be {known[0]!r} or {known[1]!r}, but got {value!r}.")
        if translations == "links" and lexicons is not None:
            raise ValueError("Expected argument `lexicons` to be None with `translations` 'links'.")
        if language == "sentence" and lacking == "redraw":
            raise ValueError("Expected argument `lacking` to be 'leave' with one `language` for each 'sentence'.")
        if language == "word" and draw == "cycle":
            raise ValueError("Expected argument `draw` to be 'random' with a `language` for each 'word'.")
        self.lexicons, self.languages, self.sentences, self.words = lexicons, languages, sentences, words
        self.translations, self.language, self.draw, self.lacking = translations, language, draw, lacking
        for direction_name in lexicons or ():
            direction(direction_name)
        self._switches: list[Switch] = []
        self._linked: LinkedWords | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            if self.translations == "links":
                require_originals(self, trainer.callbacks)  # type: ignore[attr-defined]
            self.prepare(trainer.datamodule)  # type: ignore[attr-defined]
        super().setup(trainer, pl_module, stage)

    def prepare(self, data: Any) -> None:
        """Reads the lexicons that translate from a data module's source language, or finds the texts' translations."""
        if self.translations == "links":
            self._linked = LinkedWords(data, self.languages)
        else:
            self._read_lexicons(data)
        data.counts["words_with_translation"] = self.coverage(data.train_examples)
        data.counts.setdefault("words_switched", {})[self.name] = self.switched_share(data.train_examples)

    def _read_lexicons(self, data: Any) -> None:
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

    def coverage(self, examples: Sequence[Example]) -> dict[str, float]:
        """The share of word tokens that have a translation, by language; by links, of up to 2,000 examples."""
        if self._linked is not None:
            return self._linked.coverage(evenly_spaced(examples))
        total = _words(examples)
        return {
            switch.target: round(sum(len(switch.words(example)) for example in examples) / max(total, 1), 4)
            for switch in self._switches
        }

    def switched_share(self, examples: Sequence[Example]) -> float:
        """The share of word tokens that are switched, measured on up to 2,000 evenly spaced examples."""
        rng = Draw(derived_seed("words_switched"))
        some, switched = evenly_spaced(examples), 0
        total = _words(some)
        for rng.index, example in enumerate(some):
            edits = self._drawn(example, rng)
            switched += sum(count_words((getattr(example, edit.side) or "")[edit.start : edit.end]) for edit in edits)
        return round(switched / max(total, 1), 4)

    def augment(self, examples: Sequence[Example], rng: Draw) -> Sequence[Example]:
        return [self.switched(example, rng) for example in examples]

    def switched(self, example: Example, rng: random.Random) -> Example:
        """An example with words switched; itself if it is not drawn, or has no word that can be switched."""
        chosen = self._drawn(example, rng)
        return apply_edits(example, chosen) if chosen else example

    def _drawn(self, example: Example, rng: random.Random) -> list[Edit]:
        if self._linked is not None:
            assert isinstance(rng, Draw)
            if self.language == "word":
                return self._drawn_links(self._linked, example, rng)
            return self._drawn_links_of_one(self._linked, example, rng)
        only: int | None = None  # the number of the language of the whole text
        if self.draw == "cycle":
            assert isinstance(rng, Draw)
            if (only := rng.cycled(len(self._switches), self.sentences, self.name)) is None:
                return []
        elif rng.random() >= self.sentences:
            return []
        elif self.language == "sentence":
            only = rng.randrange(len(self._switches))
        chosen: list[Edit] = []
        done: dict[Side, int] = {}
        for (side, start, end), by_language in sorted(self._options(example).items(), key=lambda item: item[0][:2]):
            if start < done.get(side, 0) or rng.random() >= self.words:
                continue
            languages = by_language if self.lacking == "leave" else [edits for edits in by_language if edits]
            if translations := rng.choice(languages) if only is None else by_language[only]:
                chosen.append(rng.choice(translations))
                done[side] = end
        return chosen

    def _drawn_links(self, linked: LinkedWords, example: Example, rng: Draw) -> list[Edit]:
        """The words that change, with a language drawn for each."""
        if rng.random() >= self.sentences:
            return []
        chosen: list[Edit] = []
        visited: set[int] = set()
        for side, place in linked.places(example):
            rows = linked.rows(example, side)
            if not rows or rng.random() >= self.words:
                continue
            if self.lacking == "leave":
                row = rng.choice(rng.choice(list(rows.values())))
            else:
                having = ([row for row in own if linked.edit(example, side, place, row)] for own in rows.values())
                if not (by_language := [own for own in having if own]):
                    continue
                row = rng.choice(rng.choice(by_language))
            visited.add(row)
            if (edit := linked.edit(example, side, place, row)) is not None:
                chosen.append(edit)
        rng.visit(sorted(visited))
        return chosen

    def _drawn_links_of_one(self, linked: LinkedWords, example: Example, rng: Draw) -> list[Edit]:
        """The words that change, with one language for all."""
        texts = [example.text] if example.text_pair is None else [example.text, example.text_pair]
        options = linked.translations.of(texts, linked.languages, whole=False)
        if (translation := drawn(options, rng, self.sentences, self.draw, self.name)) is None:
            return []
        rows = dict(zip(_SIDES, translation.rows, strict=False))
        rng.visit(row for row in translation.rows if row is not None)
        chosen = (
            linked.edit(example, side, place, row)
            for side, place in linked.places(example)
            if (row := rows[side]) is not None and rng.random() < self.words
        )
        return [edit for edit in chosen if edit is not None]

    def _options(self, example: Example) -> dict[tuple[Side, int, int], list[list[Edit]]]:
        """The translations of each word by its place: a list for each language, empty where it has none."""
        found: dict[tuple[Side, int, int], list[list[Edit]]] = {}
        for at, switch in enumerate(self._switches):
            for edits in switch.words(example):
                place = edits[0].side, edits[0].start, edits[0].end
                found.setdefault(place, [[] for _ in self._switches])[at] = edits
        return found


def _words(examples: Sequence[Example]) -> int:
    return sum(count_words_of(example.text, example.text_pair) for example in examples)

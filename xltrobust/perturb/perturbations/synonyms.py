"""Synonyms: a word replaced by a synonym from a thesaurus, a WordNet or counter-fitted word vectors."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from xltrobust.example import Side
from xltrobust.perturb.perturbations.substitution import WordSubstitution
from xltrobust.text.languages import base_language
from xltrobust.text.word_table import WordTable, read_table


class SynonymSubstitution(WordSubstitution):
    """Replaces a word by a synonym from a table; :class:`WordSubstitution` says what counts as a word.

    A table does not know which sense a word has in its context, nor inflected forms that it does not list: combine it
    with a constraint on the similarity of texts, which refuses synonyms that do not fit.

    Args:
        tables: by language code, in any spelling, the file or WordNet with that language's synonyms;
            :func:`~xltrobust.text.word_table.read_table` lists the formats. This package contains no tables.
        max_synonyms: use only a word's first synonyms in the table, at most this many; None uses all.
        multiword: whether to use synonyms of several words.
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``tables`` is empty, contains a language twice or a malformed code, if ``max_synonyms`` is less
            than 1, or if ``sides`` is empty or contains an unknown name.
        TableError: if a table cannot be read.

    References:
        - Jin et al. Is BERT really robust? A strong baseline for natural language attack on text classification and
          entailment (TextFooler). AAAI 2020.
        - Alzantot et al. Generating natural language adversarial examples. EMNLP 2018.
        - Mrkšić et al. Counter-fitting word vectors to linguistic constraints. NAACL 2016.
        - Ren et al. Generating natural language adversarial examples through probability weighted word saliency
          (synonyms from WordNet). ACL 2019.
    """

    lacking = "synonym table here"

    def __init__(
        self,
        *,
        tables: dict[str, str],
        max_synonyms: int | None = None,
        multiword: bool = False,
        sides: Sequence[Side] = ("text", "text_pair"),
    ) -> None:
        super().__init__(sides=sides)
        if not tables or len({base_language(code) for code in tables}) < len(tables):
            raise ValueError(f"Expected argument `tables` to have one table for each language, but got {tables!r}.")
        if max_synonyms is not None and max_synonyms < 1:
            raise ValueError(f"Expected argument `max_synonyms` to be positive or None, but got {max_synonyms!r}.")
        self._tables: dict[str, WordTable] = {}
        for code, source in tables.items():
            table = read_table(source, multiword=multiword)
            if max_synonyms is not None:
                cut = ((word, others[:max_synonyms]) for word, others in table.items())
                table = WordTable(cut, multiword=multiword)
            self._tables[base_language(code)] = table

    def supports(self, language: str) -> bool:
        """Whether there is a table for the language."""
        return base_language(language) in self._tables

    def table(self, language: str) -> Mapping[str, tuple[str, ...]]:
        """The words of a language that have synonyms, spelled as in the table, each with the synonyms that are used.

        Raises:
            UserError: if there is no table for the language.
        """
        self.require(language)
        return self._tables[base_language(language)]

    def replacements(self, word: str, language: str) -> Sequence[str]:
        return self._tables[base_language(language)].lookup(word)

    def listed(self, word: str, language: str) -> Sequence[str]:
        return self._tables[base_language(language)].get(unicodedata.normalize("NFC", word), ())

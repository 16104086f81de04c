"""Code-mixing: a word replaced by its translation into another language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xltrobust.example import Side
from xltrobust.perturb.perturbations.substitution import WordSubstitution
from xltrobust.text.languages import base_language
from xltrobust.text.word_table import WordTable, read_table

_Route = tuple[WordTable, ...]  # each table translates the output of the one before


class CodeMixing(WordSubstitution):
    """Replaces a word by a translation into another language; each text of a pair is translated from its own language.

    Translations come first from a lexicon in this direction, then from one in the opposite direction, inverted, and
    then through the pivot language. Only single-word translations are used.
    :class:`~xltrobust.perturb.perturbations.substitution.WordSubstitution` says which words are replaced, how case is
    carried over and where spaces are added: none around a word of a script without spaces (``I 喜欢 cats``); before a
    word that replaces one of a script without spaces (``我 like猫``), and after it only if it would otherwise run into
    the next word (``我 like iPhone``).

    Args:
        lexicons: bilingual lexicons by direction: "en-de", or "zh-CN>pt-BR" if a code contains a hyphen. Codes may be
            in any spelling. :func:`~xltrobust.text.word_table.read_table` lists the file formats; a table, such as a
            :class:`~xltrobust.text.bilingual_lexicon.BilingualLexicon`, is used as it is.
        languages: languages to translate into; None means all languages of the lexicons.
        pivot: also translate through this language, such as "en" if all lexicons are from English.
        max_translations: use only a word's first translations into each language, at most this many; None uses all.
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``lexicons`` is empty, contains a direction twice, or one that does not name two languages; if
            ``languages`` is empty, or if one of them or ``pivot`` is in no lexicon; if ``max_translations`` is less
            than 1; if ``sides`` is empty or contains an unknown name.
        TableError: if a lexicon cannot be read.

    References:
        - Tan & Joty. Code-mixing on Sesame Street: dawn of the adversarial polyglots (PolyGloss, Bumblebee).
          NAACL 2021.
        - Qin et al. CoSDA-ML: multi-lingual code-switching data augmentation for zero-shot cross-lingual NLP.
          IJCAI 2020.
        - Singh et al. XLDA: cross-lingual data augmentation for natural language inference and question answering.
          2019.
    """

    lacking = "lexicon here into another language"

    def __init__(
        self,
        *,
        lexicons: dict[str, str | WordTable],
        languages: list[str] | None = None,
        pivot: str | None = None,
        max_translations: int | None = None,
        sides: Sequence[Side] = ("text", "text_pair"),
    ) -> None:
        super().__init__(sides=sides)
        directions = [direction(name) for name in lexicons]
        if not directions or len(set(directions)) < len(directions):
            raise ValueError(f"Expected argument `lexicons` to have each direction once, but got {list(lexicons)}.")
        known = list(dict.fromkeys(code for pair in directions for code in pair))
        targets = known if languages is None else list(dict.fromkeys(map(base_language, languages)))
        if not targets or not set(targets) <= set(known):
            raise ValueError(f"Expected argument `languages` to be some of {known}, but got {languages!r}.")
        if pivot is not None and base_language(pivot) not in known:
            raise ValueError(f"Expected argument `pivot` to be one of {known}, but got {pivot!r}.")
        if max_translations is not None and max_translations < 1:
            raise ValueError(f"Expected argument `max_translations` to be positive, but got {max_translations!r}.")
        self.max_translations = max_translations
        tables = [source if isinstance(source, WordTable) else read_table(source) for source in lexicons.values()]
        direct: dict[tuple[str, str], list[_Route]] = {}
        for pair, table in zip(directions, tables, strict=True):
            direct.setdefault(pair, []).append((table,))
        for (source, target), table in zip(directions, tables, strict=True):
            direct.setdefault((target, source), []).append((_backwards(table),))
        self._routes: dict[str, dict[str, list[_Route]]] = {}
        for source in known:
            for target in targets:
                routes = list(direct.get((source, target), ()))
                if pivot is not None and source != target:
                    hub = base_language(pivot)
                    onwards = direct.get((hub, target), ())
                    routes += [first + last for first in direct.get((source, hub), ()) for last in onwards]
                if routes:
                    self._routes.setdefault(source, {})[target] = routes

    def supports(self, language: str) -> bool:
        """Whether the lexicons translate the language into one of ``languages``."""
        return base_language(language) in self._routes

    def replacements(self, word: str, language: str) -> Sequence[str]:
        return tuple(dict.fromkeys(new for new, _ in self.proposals(word, language)))

    def proposals(self, word: str, language: str) -> Iterator[tuple[str, str]]:
        """The translations of a word, each with its language."""
        for target, routes in self._routes[base_language(language)].items():
            found = dict.fromkeys(new for route in routes for new in _translated(word, route))
            for new in list(found)[: self.max_translations]:
                yield new, target


def direction(name: str) -> tuple[str, str]:
    """The source and target language, as base codes, that a lexicon's name gives.

    Raises:
        ValueError: if it does not name two languages.

    >>> direction("eng-deu"), direction("zh-CN>pt-BR")
    (('en', 'de'), ('zh', 'pt'))
    """
    codes = [code.strip() for code in name.split(">" if ">" in name else "-")]
    pair = tuple(base_language(code) for code in codes) if len(codes) == 2 and all(codes) else ()
    if len(set(pair)) != 2:
        raise ValueError(f"Expected two languages such as 'en-de' or 'zh-CN>pt-BR' in `lexicons`, but got {name!r}.")
    return pair[0], pair[1]


def _translated(word: str, route: _Route) -> Iterator[str]:
    if not route:
        yield word
        return
    for new in route[0].lookup(word):
        yield from _translated(new, route[1:])


def _backwards(table: WordTable) -> WordTable:
    """The lexicon of the opposite direction."""
    return WordTable((other, (word,)) for word, others in table.items() for other in others)

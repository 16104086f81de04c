"""Code-mixing: a word replaced by its translation into another language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xltrobust.example import Side
from xltrobust.perturb.perturbations.substitution import WordSubstitution
from xltrobust.text.languages import base_language
from xltrobust.text.word_table import WordTable, read_table

_Route = tuple[WordTable, ...]  # looked up one after the other


class CodeMixing(WordSubstitution):
    """Replaces a word by a translation into another language; each text of a pair is taken in its own language.

    Translations come from a lexicon of the two languages, then from one in the other direction, read backwards, then
    by way of the pivot language. Only single words are used. Which words of a text are replaced, and how case is
    carried over, is told by :class:`~xltrobust.perturb.perturbations.substitution.WordSubstitution`; so are the spaces.
    A word of a script without spaces needs none beyond those of the text (``I 喜欢 cats``). One of a script with spaces
    that takes the place of one without has a space put before it (``我 like猫``), and after it only if otherwise it
    would run into the next (``我 like iPhone``).

    Args:
        lexicons: bilingual lexicons by direction, "en-de", or "zh-CN>pt-BR" where a code holds a hyphen;
            codes in any spelling. :func:`~xltrobust.text.word_table.read_table` lists what files they can be;
            a table, such as a :class:`~xltrobust.text.bilingual_lexicon.BilingualLexicon`, is taken as it is.
        languages: languages to translate into; None means all that the lexicons have.
        pivot: a language by way of which to translate as well, such as "en" where all lexicons are from English.
        max_translations: how many of a word's translations into each language to use, the first; None uses all.
        sides: which texts of a pair may be changed.

    Raises:
        ValueError: if ``lexicons`` is empty, has a direction twice, or one that is not of two languages; if
            ``languages`` is empty, or if one of them or ``pivot`` is in no lexicon; if ``max_translations`` is less
            than 1; if ``sides`` is empty or names something unknown.
        TableError: if a lexicon cannot be read.

    References:
        - Tan & Joty. Code-mixing on Sesame Street: dawn of the adversarial polyglots (PolyGloss, Bumblebee).
          NAACL 2021.
        - Qin et al. CoSDA-ML: multi-lingual code-switching data augmentation for zero-shot cross-lingual NLP.
          IJCAI 2020.
        - Singh et al. XLDA: cross-lingual data augmentation for natural language inference and question answering.
          2019.
    """

    lacking = "lexicon here that leads to another language"

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
        tables = [own if isinstance(own, WordTable) else read_table(own) for own in lexicons.values()]
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
        """Whether some lexicon leads from the language to another that is to be used."""
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
    """The two languages, as base codes, that a lexicon's name tells.

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
    """The lexicon of the other direction."""
    return WordTable((other, (word,)) for word, others in table.items() for other in others)

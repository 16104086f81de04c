"""The words of a labelled text with their translations from lexicons, a language at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xltrobust.perturb.perturbations.code_mixing import CodeMixing, direction
from xltrobust.text.languages import base_language
from xltrobust.text.word_table import WordTable


def switches(
    lexicons: Mapping[str, str | WordTable], source: str, languages: Sequence[str] | None = None
) -> list[Switch]:
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
    return [Switch(by_language[language], language) for language in dict.fromkeys(wanted)]


class Switch(CodeMixing):
    """Code-mixing with one language."""

    def __init__(self, lexicons: dict[str, str | WordTable], target: str) -> None:
        super().__init__(lexicons=lexicons, languages=[target])
        self.target = target

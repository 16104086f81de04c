"""Writes the tables of docs/perturbations.md: what each perturbation makes of one sentence, by seed.

Run it where the tables are out of date (a test tells): ``python docs/perturbation_examples.py``.
"""

from __future__ import annotations

import csv
import random
import re
import tempfile
import unicodedata
from html import escape
from pathlib import Path

from xltrobust.example import Example
from xltrobust.perturb import (
    BidiPerturbation,
    CasePerturbation,
    CodeMixing,
    DeletionPerturbation,
    DiacriticsPerturbation,
    Edit,
    LocalReordering,
    LookalikePerturbation,
    Perturbation,
    PunctuationPerturbation,
    SynonymSubstitution,
    TypoPerturbation,
    WordDropping,
    ZeroWidthPerturbation,
)

PAGE = Path(__file__).parent / "perturbations.md"
DRAWS = 3
SENTENCES = {
    "en": "Warm greetings from Cologne, see you soon!",
    "de": "Schöne Grüße aus Köln, bis bald!",
    "ru": "Тёплый привет из Кёльна, до скорой встречи!",
    "ar": "تحياتي الحارة من كولونيا، أراك قريبًا!",
    "hi": "कोलोन से हार्दिक शुभकामनाएँ, जल्द मिलेंगे!",
    "zh": "来自科隆的问候，回头见！",
    "th": "สวัสดีจากโคโลญ แล้วพบกันใหม่!",
}
# The package has no tables of synonyms and translations: these few entries stand for one's own.
SYNONYMS = {
    "en": {"warm": ["cordial", "hearty"], "soon": ["shortly"]},
    "de": {"schöne": ["herzliche", "liebe"], "bald": ["demnächst"]},
    "ru": {"тёплый": ["сердечный"], "скорой": ["близкой"]},
    "ar": {"الحارة": ["الصادقة"]},
    "hi": {"जल्द": ["शीघ्र"], "हार्दिक": ["दिली"]},
    "zh": {"问候": ["祝福"]},
}
TRANSLATIONS = {
    "en-de": {"warm": ["warme"], "greetings": ["Grüße"], "soon": ["bald"]},
    "ru-en": {"привет": ["greeting"], "встречи": ["meeting"]},
    "hi-en": {"जल्द": ["soon"], "शुभकामनाएँ": ["wishes"]},
    "zh-en": {"问候": ["greetings"]},
}


def perturbations(folder: Path) -> dict[str, Perturbation]:
    """One of each kind, by class name, with tables of words in a folder."""
    tables, lexicons = {}, {}
    for name, table in (SYNONYMS | TRANSLATIONS).items():
        path = folder / f"{name}.tsv"
        with path.open("w", encoding="utf8", newline="") as file:
            csv.writer(file, delimiter="\t").writerows((word, own) for word, found in table.items() for own in found)
        (tables if name in SYNONYMS else lexicons)[name] = str(path)
    made = [
        TypoPerturbation(),
        LookalikePerturbation(),
        DiacriticsPerturbation(),
        CasePerturbation(),
        PunctuationPerturbation(),
        WordDropping(),
        LocalReordering(),
        SynonymSubstitution(tables=tables),
        CodeMixing(lexicons=lexicons),
        ZeroWidthPerturbation(),
        BidiPerturbation(),
        DeletionPerturbation(),
    ]
    return {type(own).__name__: own for own in made}


def table(perturbation: Perturbation) -> str:
    """A row a language: up to three different random edits of its sentence, or why there are none."""
    lines = ["| | " + " | ".join(f"draw {draw + 1}" for draw in range(DRAWS)) + " |", "|---" * (DRAWS + 1) + "|"]
    for language, text in SENTENCES.items():
        example = Example("0", language, text, 0)
        if perturbation.supports(language):
            cells = [_shown(text, edit, language) for edit in _draws(perturbation, example)] or ["none in this text"]
        else:
            cells = [f"no {escape(perturbation.lacking)}"]
        lines.append(f"| {language} | " + " | ".join([*cells, *[""] * (DRAWS - len(cells))]) + " |")
    return "\n".join(lines)


def _draws(perturbation: Perturbation, example: Example) -> list[Edit]:
    rng = random.Random(0)
    drawn = [perturbation.sample(example, rng) for _ in range(20 * DRAWS)]
    return list(dict.fromkeys(edit for edit in drawn if edit is not None))[:DRAWS]


def _shown(text: str, edit: Edit, language: str) -> str:
    """The text with what goes struck out and what comes underlined."""
    old, new = text[edit.start : edit.end], _with_names(edit.replacement)
    marked = (f"<del>{escape(old)}</del>" if old else "") + (f"<ins>{escape(new)}</ins>" if new else "")
    line = escape(text[: edit.start]) + marked + escape(text[edit.end :])
    return f'<bdi lang="{language}">{line}</bdi>'


def _with_names(text: str) -> str:
    """Invisible characters as their code points."""
    return "".join(f"⟨{ord(c):04X}⟩" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)


def filled(page: str) -> str:
    """The page with each table between ``<!-- examples of NAME -->`` and ``<!-- end -->`` made anew."""
    with tempfile.TemporaryDirectory() as folder:
        known = perturbations(Path(folder))
        return re.sub(
            r"(<!-- examples of (\w+) -->\n).*?(?=<!-- end -->)",
            lambda found: f"{found[1]}\n{table(known[found[2]])}\n\n",
            page,
            flags=re.DOTALL,
        )


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf8")), encoding="utf8")

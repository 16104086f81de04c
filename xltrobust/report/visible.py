"""Makes control and format characters of a text visible."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Shows control and invisible characters, direction overrides among them, as their code points.

    The joiners that Persian and Indic spelling needs (U+200C, U+200D) are left alone.

    >>> visible("a\\u202eb\\nc")
    'a⟨U+202E⟩b c'
    """
    if text.isprintable():
        return text
    shown = []
    for character in text:
        if character.isspace():
            shown.append(" ")
        elif unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") and character not in "\u200c\u200d":
            shown.append(f"⟨U+{ord(character):04X}⟩")
        else:
            shown.append(character)
    return "".join(shown)


def visible_lines(text: str) -> str:
    """The same of each line; the lines stay lines.

    >>> visible_lines("a\\u202eb\\nc")
    'a⟨U+202E⟩b\\nc'
    """
    return "\n".join(visible(line) for line in text.split("\n"))

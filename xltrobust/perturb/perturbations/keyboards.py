"""Which characters are on neighbouring keys of a language's usual keyboard.

The layouts are national or de-facto standards. A language without one (such as Chinese and Japanese, which are typed
through an input method) is left out: no layout is guessed for it.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

from xltrobust.text.languages import base_language

Layer = tuple[str, str, str, str]

# A layer has four rows: the digit row starting at the "1" key, the top row at "Q", the home row at "A", and the bottom
# row at the ISO key left of "Z". A space is a key without a letter. Each row is offset as on a physical keyboard, in
# key widths from the "1" key.
_ROW_OFFSETS = (0.0, 0.5, 0.75, 0.25)
_REACH = 0.75  # keys of adjacent rows touch if they are at most this far apart sideways

_QWERTY: Layer = ("", "qwertyuiop", "asdfghjkl", " zxcvbnm")
_SOUTH_SLAVIC: Layer = ("", "qwertzuiopšđ", "asdfghjklčćž", " yxcvbnm")
_IBERIAN: Layer = ("", "qwertyuiop", "asdfghjklñ ç", " zxcvbnm")
_FINNISH: Layer = ("", "qwertyuiopå", "asdfghjklöä", " zxcvbnm")
_NORWEGIAN: Layer = ("", "qwertyuiopå", "asdfghjkløæ", " zxcvbnm")
# The shifted layer of Arabic 101 has only three single letters: alef with hamza below, with hamza above and with madda.
_ARABIC: tuple[Layer, ...] = (
    ("", "ضصثقفغعهخحجد", "شسيبلاتنمكط", " ئءؤر ىةوزظ"),
    ("", "     إ", "     أ", "      آ"),
)
_INSCRIPT: tuple[Layer, ...] = (
    ("           ृ", "ौैाीूबहगदजड़ॉ", "ोे्िुपरकतचट", " ॆंमनवलस  य"),
    ("           ऋ", "औऐआईऊभङघधझढञऑ", "ओएअइउफऱखथछठ", " ऎँणऩऴळशष"),
)

# The block of Unicode of each other script of India: its letters lie as those of Devanagari, and are on the same keys.
_INDIC = {"pa": 0xA00, "bn": 0x980, "gu": 0xA80, "or": 0xB00, "ta": 0xB80, "te": 0xC00, "kn": 0xC80, "ml": 0xD00}


def _inscript(block: int) -> tuple[Layer, ...]:
    """The layout of another script of India; a key whose letter that script lacks is a space."""

    def other(key: str) -> str:
        moved = chr(ord(key) - 0x900 + block)
        known = key != " " and unicodedata.category(moved) != "Cn" and unicodedata.normalize("NFC", moved) == moved
        return moved if known else " "

    first, second = (tuple("".join(map(other, row)) for row in layer) for layer in _INSCRIPT)
    return first, second  # type: ignore[return-value]  # of four rows each


_LAYOUTS: dict[str, tuple[Layer, ...]] = {
    "en nl pl vi id ms sw": (_QWERTY,),
    "it": (("           ì", "qwertyuiopè", "asdfghjklòàù", " zxcvbnm"),),
    "pt": (("", "qwertyuiop", "asdfghjklç", " zxcvbnm"),),
    "es ca gl eu": (_IBERIAN,),
    "de": (("          ß", "qwertzuiopü", "asdfghjklöä", " yxcvbnm"),),
    "cs": ((" ěščřžýáíé", "qwertzuiopú", "asdfghjklů", " yxcvbnm"),),
    "sk": ((" ľščťžýáíé", "qwertzuiopúä", "asdfghjklô ň", " yxcvbnm"),),
    "hu": (("         öüó", "qwertzuiopőú", "asdfghjkléáű", "íyxcvbnm"),),
    "sl hr bs": (_SOUTH_SLAVIC,),
    "sr": (_SOUTH_SLAVIC, ("", "љњертзуиопшђ", "асдфгхјклчћж", " ѕџцвбнм")),
    "fr": ((" é    è çà", "azertyuiop", "qsdfghjklmù", " wxcvbn"),),
    "tr": (("", "qwertyuıopğü", "asdfghjklşi", " zxcvbnmöç"),),
    "ro": (("", "qwertyuiopăî", "asdfghjklșțâ", " zxcvbnm"),),
    "da": (("", "qwertyuiopå", "asdfghjklæø", " zxcvbnm"),),
    "nb nn no": (_NORWEGIAN,),
    "sv fi": (_FINNISH,),
    "is": (("          ö", "qwertyuiopð", "asdfghjklæ", " zxcvbnm  þ"),),
    "et": (("", "qwertyuiopüõ", "asdfghjklöä", " zxcvbnm"),),
    "ru": (("", "йцукенгшщзхъ", "фывапролджэ", " ячсмитьбю"),),
    "uk": (("", "йцукенгшщзхї", "фівапролджє", " ячсмитьбю"),),
    "be": (("", "йцукенгшўзх", "фывапролджэ", " ячсмітьбю"),),
    "bg": (("", " уеишщксдзц", "ьяаожгтнвмч", " юйъэфхпрлб"),),
    "el": (("", " ςερτυθιοπ", "ασδφγηξκλ", " ζχψωβνμ"),),
    "he": (("", "  קראטוןםפ", "שדגכעיחלךף", " זסבהנמצתץ"),),
    "ar arz acm apc ajp ars": _ARABIC,
    "fa": (("", "ضصثقفغعهخحجچ", "شسیبلاتنمکگ", " ظطزرذدپو"),),
    "ur": (("", "قوعرتےءیہپ", "اسدفگحجکل", " زشچطبنم"),),
    "th": (
        ("ๅ  ภถุึคตจขช", "ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", " ผปแอิืทมใฝ"),
        ("     ู", "  ฎฑธํ๊ณฯญฐ", "ฤฆฏโฌ็๋ษศซ", "   ฉฮฺ์ ฒฬฦ"),
    ),
    "hi mr": _INSCRIPT,
    "ka": (("", "ქწერტყუიოპ", "ასდფგჰჯკლ", " ზხცვბნმ"), ("", " ჭ ღთ", " შ    ჟ", " ძ ჩ")),
    "hy": (("էթփձջ ևրչճ ժ", "քոեռտըւիօպխծ", "ասդֆգհյկլ", " զղցվբնմ"),),
    "ko": (("", "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", " ㅋㅌㅊㅍㅠㅜㅡ"), ("", "ㅃㅉㄸㄲㅆ   ㅒㅖ", "", "")),
}
_BY_LANGUAGE = {language: layers for languages, layers in _LAYOUTS.items() for language in languages.split()}
_BY_LANGUAGE |= {language: _inscript(block) for language, block in _INDIC.items()}

# The letters in the order of Unicode's leading consonants, vowels and trailing consonants, each list with the code
# point of its first conjoining letter.
_JAMO = (
    (0x1100, "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"),
    (0x1161, "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"),
    (0x11A8, "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"),
)


def has_keyboard(language: str) -> bool:
    """Whether a layout is known for the language.

    >>> has_keyboard("deu_Latn"), has_keyboard("zh-CN")
    (True, False)
    """
    return base_language(language) in _BY_LANGUAGE


def languages_with_keyboard() -> list[str]:
    """The languages whose layouts are known, by code."""
    return sorted(_BY_LANGUAGE)


@lru_cache(maxsize=65536)
def neighbours(language: str, character: str) -> str:
    """The characters on the keys around a character's key, from the top row to the bottom row.

    The neighbours of a letter are letters, those of a capital are capitals, and those of a combining mark are marks.
    The neighbours of a Hangul syllable are the syllables in which one letter is replaced by a neighbouring letter of
    the same kind (consonant or vowel).

    Args:
        language: a language code in any spelling that :func:`~xltrobust.text.languages.base_language` accepts.
        character: one code point.

    Returns:
        The neighbours as one string; empty if the language has no layout here, or the layout lacks the character.

    Raises:
        ValueError: if ``character`` is not one code point, or the language code is malformed.

    >>> neighbours("en", "s"), neighbours("de-CH", "Z"), neighbours("tr", "I"), neighbours("zh-CN", "我")
    ('weadzx', 'TUGH', 'UOJK', '')
    >>> neighbours("ko", "가")
    '다사아라갸개거기그'
    """
    if len(character) != 1:
        raise ValueError(f"Expected argument `character` to be one code point, but got {character!r}.")
    base = base_language(language)
    table = _table(base)
    if character in table:
        return table[character]
    if base == "ko" and "가" <= character <= "힣":
        return "".join(_neighbouring_syllables(character, table))
    lower = {"İ": "i", "I": "ı"}.get(character) if base == "tr" else None
    lower = lower or character.lower()
    if lower == character or lower not in table:
        return ""
    capitals = ("İ" if base == "tr" and key == "i" else key.upper() for key in table[lower])
    # "ß" has no one-character capital, and the capital of the Greek final sigma is on another key.
    return "".join(dict.fromkeys(capital for capital in capitals if len(capital) == 1 and capital != character))


def is_mark(character: str) -> bool:
    """Whether a character attaches to the letter before it: a combining mark, or the Thai or Lao vowel am."""
    return character in "ำຳ" or unicodedata.category(character).startswith("M")


@cache
def _table(base: str) -> dict[str, str]:
    """The neighbours of every character of a layout, each within the character's own layer."""
    table: dict[str, str] = {}
    for layer in _BY_LANGUAGE.get(base, ()):
        keys = [
            (row, offset + column, key)
            for row, (offset, letters) in enumerate(zip(_ROW_OFFSETS, layer, strict=True))
            for column, key in enumerate(letters)
            if key != " "
        ]
        for row, at, key in keys:
            near = [
                other
                for other_row, other_at, other in keys
                if is_mark(other) == is_mark(key)
                and (
                    (other_row == row and abs(other_at - at) == 1)
                    or (abs(other_row - row) == 1 and abs(other_at - at) <= _REACH)
                )
            ]
            table[key] = "".join(near)
    return table


def _neighbouring_syllables(syllable: str, table: dict[str, str]) -> list[str]:
    jamo = unicodedata.normalize("NFD", syllable)
    found = []
    for position, (old, (first, letters)) in enumerate(zip(jamo, _JAMO, strict=False)):
        for letter in table.get(letters[ord(old) - first], ""):
            if letter in letters:
                new = chr(first + letters.index(letter))
                found.append(unicodedata.normalize("NFC", jamo[:position] + new + jamo[position + 1 :]))
    return found

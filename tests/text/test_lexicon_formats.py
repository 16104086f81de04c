"""Bilingual lexicons in the formats of FreeDict, PanLex and our own, good and bad."""

import gzip

import pytest

from xltrobust.errors import UserError
from xltrobust.text.lexicon_formats import parse_definition
from xltrobust.text.word_table import read_table

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DEFINITIONS = {
    "00databaseinfo": "00-database-info\nEnglish-Dutch FreeDict Dictionary\nMaintainer: nobody\n",
    "inkpot": "inkpot /iŋkpɔt/\ninktkoker, inktpot\n",
    "light": "light /lait/ <n>\n1. licht <neut>, het licht\n2. lampje [techn.]; (klein) vuur\n   see: {lamp}\n",
    "apricottree": "Apricot-tree <n>\nabrikozenboom\n",
    "water": "wasser /ˈvasɐ/\nwater\n",
    "café": "café\nkoffiehuis\n",
    "away": "weg\n",
}


def base64(number):
    digits = DIGITS[number % 64]
    while number := number // 64:
        digits = DIGITS[number % 64] + digits
    return digits


def test_base64_by_hand():
    assert [base64(number) for number in (0, 25, 26, 63, 64, 4095, 4096)] == ["A", "Z", "a", "/", "BA", "//", "BAA"]


@pytest.fixture
def dictionary(tmp_path):
    def write(name="a.dict", definitions=DEFINITIONS, index=None, data=None):
        rows, text = [], b""
        for word, definition in definitions.items():
            encoded = definition.encode()
            rows.append(f"{word}\t{base64(len(text))}\t{base64(len(encoded))}\n")
            text += encoded
        text = text if data is None else data
        path = tmp_path / name
        path.write_bytes(gzip.compress(text) if name.endswith(".dz") and data is None else text)
        (tmp_path / "a.index").write_text("".join(rows) if index is None else index, encoding="utf8")
        return str(path)

    return write


@pytest.mark.parametrize("name", ["a.dict", "a.dict.dz"])
def test_dictionaries_of_freedict(dictionary, name):
    path = dictionary(name)
    words = {
        "inkpot": ("inktkoker", "inktpot"),
        "light": ("licht", "lampje", "vuur"),
        "Apricot-tree": ("abrikozenboom",),
        "café": ("koffiehuis",),
        "away": ("weg",),
    }
    assert read_table(path) == words  # "water" is its own translation
    assert read_table(path, multiword=True)["light"] == ("licht", "het licht", "lampje", "vuur")


@pytest.mark.parametrize(
    ("headword", "text", "entry"),
    [
        ("house", "house /haus/\nhuis, pand\n", ("house", ["huis", "pand"])),
        ("house", "huis\npand", ("house", ["huis", "pand"])),
        ("house", "Haus", ("house", ["Haus"])),
        ("colour", "color, colour /kʌlə/\nkleur", ("colour", ["kleur"])),
        ("bonus", "bonus /ˈnʊs/ (bona /ˈna/ <f>, bonum <n>) <adj>\n1. gut\n2. gütig", ("bonus", ["gut", "gütig"])),
        ("a", "a <n>\n  b <m>\n    \"c d\" - e\n  Note: f\n  2) g", ("a", ["b", "g"])),
        ("und", "und\nand/or, plus", ("und", ["and/or", "plus"])),
        ("a", "", ("a", [])),
    ],
)  # fmt: skip
def test_definitions_by_hand(headword, text, entry):
    assert parse_definition(headword, text) == entry


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": "a\tA\n"}, r"a\.index:1: expected a headword, an offset and a length in base 64.*but got 'a\\tA'"),
        ({"index": "a\tA\tB\n\nb\tA\t-\n"}, r"a\.index:3: expected a headword, an offset and a length"),
        ({"index": "\tA\tB\n"}, r"a\.index:1: expected a headword"),
        (
            {"index": "a\tA\tB\nb\tA\t//\n"},
            r"a\.index:2: 'b' lies beyond the end of a\.dict; download both files again",
        ),
        ({"index": "a\tA\tC\n", "data": b"\xff\xff"}, r"a\.index:1: 'a' in a\.dict is not UTF-8; convert it to UTF-8"),
        ({"name": "a.dict.dz", "data": b"not gzip"}, r"a\.dict\.dz: not gzip .*; download the file again"),
        ({"name": "a.dict.dz", "data": gzip.compress(b"cut" * 99, mtime=0)[:-9]}, r"a\.dict\.dz: not gzip"),
        ({"index": ""}, r"a\.dict: no single word has a replacement"),
    ],
)
def test_errors_of_dictionaries_are_one_line(dictionary, options, message):
    with pytest.raises(UserError, match=message) as caught:
        read_table(dictionary(**options))
    assert "\n" not in str(caught.value)


def test_a_dictionary_without_its_index(dictionary, tmp_path):
    path = dictionary("a.dict.dz")
    (tmp_path / "a.index").rename(tmp_path / "b.index")
    with pytest.raises(UserError, match=r"a\.dict\.dz: its index a\.index is not beside it; copy it there too"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "table"),
    [
        ("a.tsv", "eng-000\tdeu-000\ncat\tKatze\ncat\tKater\n", {"cat": ("Katze", "Kater")}),
        (
            "a.tsv",
            "eng-000\tdeu-000\tquality\ncat\tKater\t3\ndog\tHund\t\ncat\tKatze\t12\n",
            {"cat": ("Katze", "Kater"), "dog": ("Hund",)},
        ),
        ("a.tsv", "trans_quality\ttrans_txt\ttxt\n5\tKater\tcat\n7.5\tKatze\tcat\n", {"cat": ("Katze", "Kater")}),
        ("a.csv", 'txt,trans_txt,score\n"cat","Kater",1\n\ncat,Katze,2\n"a ""b""",c,1\n', {"cat": ("Katze", "Kater")}),
        ("a.csv", "id,zho-000,denotations,eng-000\n1,猫,4,cat\n2,猫,9,moggy\n", {"猫": ("moggy", "cat")}),
        (
            "a.tsv",
            "source\ttarget\tcount\tp_target\tp_source\ncat\tKater\t9\t0.3\t1\ncat\tKatze\t2\t0.7\t0.5\n",
            {"cat": ("Katze", "Kater")},
        ),
        # No header, just words.
        ("a.tsv", "source\tQuelle\ntxt\tText\n", {"source": ("Quelle",), "txt": ("Text",)}),
    ],
)  # fmt: skip
def test_tables_with_a_header(tmp_path, name, content, table):
    (tmp_path / name).write_text(content, encoding="utf8")
    assert read_table(str(tmp_path / name)) == table


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "cat,Katze\n", r"a\.csv:1: expected a header with the columns txt and .*but got 'cat,Katze'"),
        ("a.csv", "", r"a\.csv:1: expected a header"),
        ("a.csv", 'txt,trans_txt\ncat,Katze\n"a"b,c\n', r"a\.csv:3: not CSV .*; fix the file"),
        ("a.csv", "txt,trans_txt\ncat\n", r"a\.csv:2: expected 2 fields, of which two are words, but got 'cat'"),
        ("a.tsv", "txt\ttrans_txt\ncat\tKatze\n\nb\t \n", r"a\.tsv:4: expected 2 fields, of which two are words"),
        ("a.tsv", "txt\ttrans_txt\tscore\ncat\tKatze\thigh\n", r"a\.tsv:2: .* number in column score, but got 'high'"),
        ("a.tsv", "source\ttarget\tcount\tp_target\tp_source\na\tb\t1\tx\t1\n", r"a\.tsv:2: .* p_target, but got 'x'"),
        ("a.tsv", "txt\ttrans_txt\n", r"no single word has a replacement"),
        ("a.csv", b"txt,trans_txt\na,\xff\n", r"a\.csv:2: not UTF-8"),
    ],
)  # fmt: skip
def test_errors_of_tables_are_one_line_that_names_the_row(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message) as caught:
        read_table(str(tmp_path / name))
    assert "\n" not in str(caught.value)

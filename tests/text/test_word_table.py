import builtins
import pickle
import sys

import pytest
import wn

from xltrobust.errors import UserError
from xltrobust.text.word_table import WordTable, read_table

LMF = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.1.dtd">
<LexicalResource xmlns:dc="https://globalwordnet.github.io/schemas/dc/">
  <Lexicon id="tiny" label="Tiny" language="en" email="a@b.org" license="none" version="{version}">
    <LexicalEntry id="tiny-bank"><Lemma writtenForm="bank" partOfSpeech="n"/>
      <Sense id="tiny-bank-2" synset="tiny-shore"/><Sense id="tiny-bank-1" synset="tiny-money"/></LexicalEntry>
    <LexicalEntry id="tiny-shore"><Lemma writtenForm="shore" partOfSpeech="n"/>
      <Sense id="tiny-shore-1" synset="tiny-shore"/></LexicalEntry>
    <LexicalEntry id="tiny-house"><Lemma writtenForm="banking house" partOfSpeech="n"/>
      <Sense id="tiny-house-1" synset="tiny-money"/></LexicalEntry>
    <LexicalEntry id="tiny-lender"><Lemma writtenForm="lender" partOfSpeech="n"/>
      <Sense id="tiny-lender-1" synset="tiny-money"/></LexicalEntry>
    <Synset id="tiny-shore" ili="" partOfSpeech="n"/><Synset id="tiny-money" ili="" partOfSpeech="n"/>
  </Lexicon>
</LexicalResource>
"""
MYTHES = """{encoding}
dry|2
(adj)|wet (antonym)|dried (similar term)|arid (generic term)|bone dry
-|withered
(sich) freuen|1
|jubeln (ugs.)|frohlocken

größe|1
(noun)|maß
"""


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture(scope="module")
def wordnets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wn.config, "data_directory", folder)
        for version in ("1", "2"):
            path = folder / f"{version}.xml"
            path.write_text(LMF.replace("{version}", version).replace("tiny-", f"tiny{version}-"), encoding="utf8")
            wn.add(path, progress_handler=None)
        yield


@pytest.mark.parametrize(
    ("name", "content", "table"),
    [
        ("a.json", '{"b": ["d", "c", "b", "d"], "B": ["e"], "none": []}', {"b": ("d", "c"), "B": ("e",)}),
        ("a.json", '\ufeff{"e\u0301": ["a\u0301"]}', {"é": ("á",)}),
        ("a.tsv", "b\tc\td \r\n\r\nघर\tमकान\nb\te\tc\t\n", {"b": ("c", "d", "e"), "घर": ("मकान",)}),
        ("a.tsv", "b\tc d\te\nb c\tf\n", {"b": ("e",)}),
        ("a.txt", "cat Katze\ncat\tKater\n\nturn off\taus\nhot\tsehr heiß\n", {"cat": ("Katze", "Kater")}),
        ("a.txt", "a\u2028b c\n猫 แมว\n", {"猫": ("แมว",)}),
    ],
)
def test_formats_by_hand(write, name, content, table):
    assert read_table(write(name, content)) == table


@pytest.mark.parametrize(
    ("encoding", "python"),
    [("UTF-8", "utf8"), ("utf-8", "utf-8-sig"), ("ISO8859-1", "latin1"), ("microsoft-cp1252", "cp1252")],
)
def test_thesauri_come_in_several_encodings(write, encoding, python):
    path = write("th.dat", MYTHES.replace("{encoding}", encoding).encode(python))
    words = {"dry": ("dried", "arid", "withered"), "freuen": ("jubeln", "frohlocken"), "größe": ("maß",)}
    assert read_table(path) == words
    assert read_table(path, multiword=True)["dry"] == ("dried", "arid", "bone dry", "withered")


def test_words_and_replacements_of_several_words_by_option(write):
    path = write("a.tsv", "turn  off\tshut down\n")
    assert read_table(path, multiword=True) == {"turn off": ("shut down",)}
    with pytest.raises(UserError, match="a.tsv: no single word has a replacement; use another table"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", '{"a": ["b"],\n"c" ["d"]}', r"a\.json:2: not valid JSON \(.*fix the file"),
        ("a.json", '["a"]\n', r"a\.json:1: expected an object of lists.*fix the file"),
        ("a.json", "3", r"a\.json:1: expected an object of lists.*fix the file"),
        ("a.json", '{"cat": "pet"}', r"""expected an object of lists, {"cat": \[.*but got 'pet'; fix the file"""),
        ("a.json", '{"cat": [1]}', r"""expected an object of lists, {"cat": \[.*but got '\[1\]'"""),
        ("a.json", "{}", "no single word has a replacement"),
        ("a.json", b'{"a":\n["\xe9"]}', r"a\.json:2: not UTF-8; convert the file to UTF-8"),
        ("a.tsv", "a\tb\nc\n", r"a\.tsv:2: expected a word, a tab and a replacement, but got 'c'"),
        ("a.tsv", "\tb\n", r"a\.tsv:1: expected a word, a tab"),
        ("a.tsv", "c\t \n", r"a\.tsv:1: expected a word, a tab"),
        ("a.tsv", "", "no single word has a replacement"),
        ("a.txt", "a b\n\nc\n", r"a\.txt:3: expected a word and one translation"),
        ("a.txt", "a b c\n", r"a\.txt:1: expected a word and one translation"),
        ("a.txt", "a  b\n", r"a\.txt:1: expected a word and one translation"),
        ("a.txt", "a\tb\tc\n", r"a\.txt:1: expected a word and one translation"),
        ("a.txt", b"a b\r\nc \xff\r\n", r"a\.txt:2: not UTF-8"),
        ("a.dat", "", r"a\.dat:1: expected the name of an encoding such as UTF-8, but got ''"),
        ("a.dat", "base64\n", r"a\.dat:1: expected the name of an encoding"),
        ("a.dat", "dry|1\n", r"a\.dat:1: expected the name of an encoding"),
        ("a.dat", b"UTF-8\ndry|1\n(adj)|\xe9\n", r"a\.dat:3: not utf-8; convert the file to utf-8"),
        ("a.dat", "UTF-8\ndry\n", r"a\.dat:2: expected a word, \| and how many senses follow, but got 'dry'"),
        ("a.dat", "UTF-8\ndry|²\n", r"a\.dat:2: expected a word, \|"),
        ("a.dat", "UTF-8\ndry|2\n-|arid", r"a\.dat:3: expected 2 rows .* for 'dry', but got ''"),
        ("a.dat", "UTF-8\ndry|2\n-|arid\nwet\n", r"a\.dat:4: expected 2 rows .*, but got 'wet'"),
        (
            "a.xls",
            "a,b\n",
            r"a\.xls: expected a \.json, .* \.dict or \.dict\.dz file, or wn:LEXICON; rename or convert",
        ),
    ],
)
def test_errors_are_one_line_that_names_the_row(write, name, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read_table(write(name, content))
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.tsv: No such file or directory; check the path"):
        read_table(str(tmp_path / "gone.tsv"))
    (tmp_path / "folder.tsv").mkdir()
    with pytest.raises(UserError, match=r"folder\.tsv: Is a directory; check the path"):
        read_table(str(tmp_path / "folder.tsv"))


def test_a_file_is_read_once_unless_it_changes(write):
    first = read_table(write("a.tsv", "a\tb\n"))
    assert read_table(write("b.tsv", "a\tb\n")) is not first
    path = write("c.tsv", "a\tb\n")
    assert read_table(path) is read_table(path)
    assert read_table(path, multiword=True) is not read_table(path)
    write("c.tsv", "a\tchanged\n")
    assert read_table(path) == {"a": ("changed",)}


def test_synonyms_of_a_wordnet_begin_with_the_first_sense(wordnets):
    assert read_table("wn:tiny:1") == {"bank": ("shore", "lender"), "shore": ("bank",), "lender": ("bank",)}
    assert read_table("wn:tiny:2", multiword=True)["bank"] == ("shore", "banking house", "lender")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("wn:none:1", r"wn:none:1: expected one installed lexicon, but got 0 \(.*python -m wn download none:1\)"),
        ("wn:", r"wn:: expected one installed lexicon, but got 2 \(tiny:1, tiny:2\)"),
        ("wn:tiny:*", r"expected one installed lexicon, but got 2 \(tiny:1, tiny:2\)"),
    ],
)
def test_lexicons_have_to_be_installed_and_named(wordnets, source, message):
    with pytest.raises(UserError, match=message):
        read_table(source)


def test_the_package_for_wordnets_may_be_missing(monkeypatch):
    real = builtins.__import__

    def fake(name, *args, **kwargs):
        if name == "wn":
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "wn")
    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(UserError, match=r"needs the package wn: pip install wn$"):
        read_table("wn:oewn:2024")


def test_lookup_prefers_the_exact_word_to_those_that_differ_in_case():
    table = WordTable([("Polish", ["Slavic"]), ("polish", ["shine"]), ("straße", ["gasse"]), ("été", ["août"])])
    for copy in (table, pickle.loads(pickle.dumps(table))):
        found = [
            copy.lookup(word) for word in ("Polish", "polish", "POLISH", "STRASSE", "E\u0301TE\u0301", "gasse", "")
        ]
        assert found == [("Slavic",), ("shine",), ("Slavic", "shine"), ("gasse",), ("août",), (), ()]

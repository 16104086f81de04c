import gzip
import re
import time
import tracemalloc
from itertools import islice

import pytest

from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.sources.tmx import TMXFile
from xltrobust.errors import DataError

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
<header srclang="en"/>
"""
PLAIN = {"en": "Hello", "de": "Hallo"}


def unit(attribute: str = "xml:lang", **texts: str) -> str:
    return tu([(code.replace("_", "-"), text) for code, text in texts.items()], attribute)


def tu(variants: list[tuple[str, str]], attribute: str = "xml:lang") -> str:
    return "<tu>" + "".join(f'<tuv {attribute}="{c}"><seg>{t}</seg></tuv>' for c, t in variants) + "</tu>\n"


def tmx(tmp_path, *units: str, head: str = HEAD, file: str = "a.tmx", languages=("en", "de"), **kwargs) -> TMXFile:
    content = (head + "<body>\n" + "".join(units) + "</body></tmx>\n").encode()
    (tmp_path / file).write_bytes(gzip.compress(content) if file.endswith(".gz") else content)
    return TMXFile(path=str(tmp_path / file), source_language=languages[0], target_language=languages[1], **kwargs)


def refused(bitext, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as error:
        list(bitext)
    assert "\n" not in str(error.value)


def texts(bitext) -> list[tuple[str, str]]:
    return [(pair.source, pair.target) for pair in bitext]


@pytest.mark.parametrize("file", ["a.tmx", "a.tmx.gz"])
@pytest.mark.parametrize("attribute", ["xml:lang", "lang"])
def test_units_with_a_doctype(tmp_path, file, attribute):
    bitext = tmx(tmp_path, unit(attribute, **PLAIN), unit(attribute, de="Ja &amp; &#228;", en="Yes"), file=file)
    assert list(bitext) == [SentencePair("Hello", "Hallo", "en", "de"), SentencePair("Yes", "Ja & ä", "en", "de")]
    assert list(bitext) == list(bitext)


def test_a_namespace_and_other_encodings(tmp_path):
    bitext = tmx(tmp_path, unit(**PLAIN), head='<tmx xmlns="http://www.lisa.org/tmx14">')
    assert texts(bitext) == [("Hello", "Hallo")]
    content = '<?xml version="1.0" encoding="UTF-16"?><tmx>' + unit(en="a", de="ä") + "</tmx>"
    (tmp_path / "a.tmx").write_bytes(content.encode("utf-16"))
    assert texts(bitext) == [("a", "ä")]


def test_units_without_one_of_the_languages_are_skipped(tmp_path):
    nothing = '<tu><tuv xml:lang="en"/><tuv xml:lang="de"><seg>x</seg></tuv></tu><tu/>'
    nameless = "<tu><tuv><seg>Hello</seg></tuv><tuv xml:lang='de'><seg>x</seg></tuv></tu>"
    bitext = tmx(tmp_path, unit(en="a", fr="b"), unit(**PLAIN), nothing, nameless, unit(de="c"))
    assert texts(bitext) == [("Hello", "Hallo")]


def test_the_first_variant_of_a_language_is_taken(tmp_path):
    bitext = tmx(tmp_path, tu([("en", "Hello"), ("de", "Hallo"), ("de", "Servus"), ("en", "Hi")]))
    assert texts(bitext) == [("Hello", "Hallo")]


def test_exact_spellings_go_before_the_base_language(tmp_path):
    bitext = tmx(tmp_path, tu([("EN-US", "Color"), ("en-GB", "Colour"), ("de-AT", "A"), ("deu", "D"), ("de", "E")]))
    assert texts(bitext) == [("Color", "E")]
    british = TMXFile(path=bitext.path, source_language="en-GB", target_language="de-DE")
    assert list(british) == [SentencePair("Colour", "A", "en-GB", "de-DE")]


def test_two_variants_of_one_language_are_no_pair_with_themselves(tmp_path):
    units = [unit(en_US="Color", en_GB="Colour"), unit(en_US="One", de="Eins")]
    assert texts(tmx(tmp_path, *units, languages=("en-GB", "en-US"))) == [("Colour", "Color")]


@pytest.mark.parametrize(
    "segment, text",
    [
        ('Press <bpt i="1">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept> now', "Press OK now"),
        ('A<ph x="1">{0}</ph>B<it pos="begin">[i]</it>C<ut>\\f</ut>D', "ABCD"),
        ("The <hi>red <hi>big</hi></hi> one", "The red big one"),
        ("See<ph>&lt;fn&gt;<sub> a <ph>{1}</ph>note</sub>&lt;/fn&gt;</ph>.", "See a note."),
        ("one<!-- two --><?three four?> five", "one five"),
        ("<![CDATA[a < b]]>", "a < b"),
        ("", ""),
    ],
)
def test_markup_is_left_out_and_text_is_kept(tmp_path, segment, text):
    assert texts(tmx(tmp_path, unit(en=segment, de="x"))) == [(text, "x")]


def test_memory_stays_flat(tmp_path):
    units = [unit(en=f"sentence {n} " + "x" * 200, de="y" * 200, fr="z" * 200) for n in range(20_000)]
    bitext = tmx(tmp_path, *units)
    siblings, count = 0, 0
    for element in bitext._units():  # the tree is in libxml2's memory, which tracemalloc does not see
        siblings = max(siblings, len(element.getparent()))
        count += 1
    # The parser is a chunk of 32 KB ahead of the unit that it hands out.
    assert count == 20_000 and siblings < 200
    tracemalloc.start()
    count = sum(1 for _ in islice(bitext, 5_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 5_000 and peak < 1_000_000


def test_files_that_the_data_name_are_not_read(tmp_path):
    (tmp_path / "secret.txt").write_text("SECRET")
    doctype = f'<!DOCTYPE tmx [<!ENTITY x SYSTEM "file://{tmp_path / "secret.txt"}">]>\n<tmx>\n'
    refused(
        tmx(tmp_path, unit(en="a &x; b", de="c"), head=doctype), f"{tmp_path / 'a.tmx'}:4: entity &x; is not expanded"
    )
    # In a language that is not asked for it does no harm.
    assert texts(tmx(tmp_path, unit(en="a", de="c", fr="&x;"), head=doctype)) == [("a", "c")]
    dtd = tmp_path / "evil.dtd"
    dtd.write_text('<!ENTITY x "SECRET">')
    external = f'<!DOCTYPE tmx SYSTEM "file://{dtd}">\n<tmx>\n'
    refused(tmx(tmp_path, unit(en="&x;", de="c"), head=external), "entity &x; is not expanded")


def test_a_billion_laughs_are_not_expanded(tmp_path):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE tmx [<!ENTITY l0 "lol">{laughs}]>\n<tmx>\n'
    begin = time.perf_counter()
    refused(tmx(tmp_path, unit(en="&l2;", de="c"), head=doctype), "a.tmx:4: entity &l2; is not expanded")
    # libxml2 itself refuses what would grow too far (and takes the line from within the entity).
    refused(tmx(tmp_path, unit(en="&l9;", de="c"), head=doctype), "not valid XML (Maximum entity amplification")
    # Entities in attributes are always expanded by libxml2, which gives up in time.
    attribute = '<tu><tuv xml:lang="&l9;"><seg>a</seg></tuv></tu>'
    refused(tmx(tmp_path, unit(**PLAIN), attribute, head=doctype), "not valid XML (Maximum entity amplification")
    assert time.perf_counter() - begin < 10


def test_xml_that_is_broken_names_the_line_after_the_pairs_before_it(tmp_path):
    bitext = tmx(tmp_path, unit(**PLAIN) * 1000, "<tu><tuv></tu>\n")
    read = iter(bitext)
    assert next(read) == SentencePair("Hello", "Hallo", "en", "de")
    refused(read, f"{bitext.path}:1006: not valid XML (Opening and ending tag mismatch")


def test_files_that_are_no_tmx(tmp_path):
    path = tmp_path / "a.tmx"
    bitext = TMXFile(path=str(path), source_language="en", target_language="de")
    path.write_bytes(b"")
    refused(bitext, f"{path}:1: not valid XML")
    path.write_bytes(b"<html><body/></html>")
    refused(bitext, f"{path}: no unit has both 'en' and 'de'; the file's languages: none (is it TMX?).")
    path.write_bytes((HEAD + unit(en="a", de="\u00e9") + "</tmx>").encode("latin1"))
    refused(bitext, f"{path}:5: not valid XML")
    path.write_bytes((HEAD + unit(**PLAIN)).encode())
    refused(bitext, f"{path}:6: not valid XML")
    path.unlink()
    refused(bitext, f"{path}: no such file")
    for read in (bitext.stamp, bitext.provenance):
        with pytest.raises(DataError, match="no such file"):
            read()
    packed = tmx(tmp_path, unit(**PLAIN), file="b.tmx.gz")
    (tmp_path / "b.tmx.gz").write_bytes((tmp_path / "b.tmx.gz").read_bytes()[:-20])
    refused(packed, f"{packed.path}: damaged, or not a gzip file")


def test_a_file_without_a_pair_lists_its_languages(tmp_path):
    bitext = tmx(tmp_path, unit(en="a", fr="b"), unit(es_MX="a", fr="b"))
    refused(bitext, f"{bitext.path}: no unit has both 'en' and 'de'; the file's languages: en, fr, es-MX.")


def test_provenance_stamp_and_arguments(tmp_path):
    bitext = tmx(tmp_path, unit(**PLAIN), licence="CC0-1.0", name="Memory")
    size = (tmp_path / "a.tmx").stat().st_size
    assert bitext.provenance() == {
        "source": "Memory",
        "version": "unknown",
        "licence": "CC0-1.0",
        "languages": ["en", "de"],
        "files": {bitext.path: size},
    }
    stamp = bitext.stamp()
    assert stamp == bitext.stamp()
    assert stamp != TMXFile(path=bitext.path, source_language="en", target_language="fr").stamp()
    tmx(tmp_path, unit(en="Hello!", de="Hallo"))
    assert bitext.stamp() != stamp
    with pytest.raises(ValueError, match="Expected argument `target_language` to differ from"):
        TMXFile(path="a", source_language="en", target_language="en")

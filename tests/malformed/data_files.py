"""Data files that are damaged: labelled examples, sentence pairs and lexicons."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import yaml
from malformed.configuration import FIT
from malformed.runs import DEEP
from malformed.workplace import ATTACK, Case, Damage, line, remove, setting, write

_TRAIN, _DEV, _TEST = "data/en/train.tsv", "data/en/dev.tsv", "data/de/test.tsv"

_TSV: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "train missing": (remove(_TRAIN), (_TRAIN,)),
    "train empty": (write(_TRAIN, ""), (_TRAIN,)),
    "train header alone": (write(_TRAIN, "id\ttext\tlabel\n"), (_TRAIN,)),
    "train Latin-1": (line(_TRAIN, 5, "x\tgrün\tred".encode("latin1")), (f"{_TRAIN}:5", "UTF-8")),
    "train one field less": (line(_TRAIN, 7, "x\tred"), (f"{_TRAIN}:7", "2")),
    "train no label column": (line(_TRAIN, 1, "id\ttext\tgold"), (f"{_TRAIN}", "label")),
    "train label twice in header": (line(_TRAIN, 1, "label\ttext\tlabel"), (f"{_TRAIN}:1", "label")),
    "train label empty": (line(_TRAIN, 9, "x\ta\t"), (f"{_TRAIN}:9", "label")),
    "train id empty": (line(_TRAIN, 9, "\ta\tred"), (f"{_TRAIN}:9", "id")),
    "train one class": (write(_TRAIN, "id\ttext\tlabel\n1\ta\tred\n2\tb\tred\n"), (_TRAIN, "labels", "red")),
    "train carriage return inside": (line(_TRAIN, 9, "x\ta\rb\tred"), (f"{_TRAIN}:9",)),
    "train null character": (line(_TRAIN, 9, "x\ta\0b\tred"), (f"{_TRAIN}:9", "null")),
    "dev header alone": (write(_DEV, "id\ttext\tlabel\n"), ("dev", "en")),
    "target dev Latin-1": (line("data/zh/dev.tsv", 4, "x\tgrün\tred".encode("latin1")), ("data/zh/dev.tsv:4",)),
    "test header alone": (write(_TEST, "id\ttext\tlabel\n"), (_TEST, "de")),
    "test unknown label": (line(_TEST, 4, "x\ta\tpink"), (f"{_TEST}:4", "pink")),
    "test huge label": (line(_TEST, 4, "x\ta\t" + "1" * 5000), (f"{_TEST}:4", "label")),
    "test cut": (line(_TEST, 26, "test-24\tda"), (f"{_TEST}:26",)),
}
_RECORD = '{"id": "%s", "text": "%s", "label": "%s"}\n'
_JSON_LINES: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "cut": ('{"id": "3", "text": "gre', ("not valid JSON",)),
    "key missing": ('{"id": "3", "label": "red"}', ("text",)),
    "text a list": ('{"id": "3", "text": ["a", "b"], "label": "red"}', ("text", "list")),
    "label a list": ('{"id": "3", "text": "a", "label": ["red"]}', ("label", "list")),
    "label NaN": ('{"id": "3", "text": "a", "label": NaN}', ("NaN",)),
    "key twice": ('{"id": "3", "text": "a", "text": "b", "label": "red"}', ("text", "twice")),
    "surrogate": ('{"id": "3", "text": "a\\ud83d", "label": "red"}', ("surrogate",)),
    "deep": ('{"id": "3", "text": ' + "[" * 100_000, ("nested",)),
    "null character": ('{"id": "3", "text": "a\\u0000b", "label": "red"}', ("null",)),
}
_CSV: dict[str, tuple[str, tuple[str, ...]]] = {
    "quote not closed": ('id,text,label\n1,"a,red\n2,b,blue\n', (":3", "CSV")),
    "long field": (f"id,text,label\n1,{'a' * 200_000},red\n", (":2",)),
    "header twice": ("id,text,text\n1,a,red\n2,b,blue\n", (":1", "text")),
}

_ALL = (setting("data.init_args.labels", ["red", "blue", "green"]),)
CASES: dict[str, Case] = {f"fit: {kind}": Case("fit", FIT, says, (damage,)) for kind, (damage, says) in _TSV.items()}
for kind, (bad, says) in _JSON_LINES.items():
    good = (_RECORD % ("1", "a", "red") + _RECORD % ("2", "b", "blue")).encode()
    content = good + (bad if isinstance(bad, bytes) else bad.encode()) + b"\n"
    damages = (write("data/train.jsonl", content), setting("data.init_args.train", "train.jsonl"), *_ALL)
    CASES[f"fit: JSON Lines {kind}"] = Case("fit", FIT, ("data/train.jsonl:3", *says), damages)
for kind, (text, says) in _CSV.items():
    damages = (write("data/train.csv", text), setting("data.init_args.train", "train.csv"), *_ALL)
    CASES[f"fit: CSV {kind}"] = Case("fit", FIT, ("data/train.csv", *says), damages)
for kind in ("test Latin-1", "test missing", "test cut"):
    damage = {
        "test Latin-1": line(_TEST, 3, "x\tgrün\tred".encode("latin1")), "test missing": remove(_TEST),
        "test cut": line(_TEST, 26, "test-24\tda"),
    }[kind]  # fmt: skip
    CASES[f"attack: {kind}"] = Case("attack", "--run run --attack attack.yaml", (_TEST,), (damage,))


# Sentence pairs


def _parallel(class_path: str, **options: Any) -> Damage:
    bitext = {"class_path": f"xltrobust.datamodules.{class_path}", "init_args": options}
    callback = {"class_path": "xltrobust.regularizers.SentenceAlignment"}

    def damage(folder: Path) -> None:
        setting("data.init_args.parallel", {"bitexts": [bitext], "held_out": 5})(folder)
        setting("trainer.callbacks", [callback])(folder)

    return damage


_TABLE = {"path": "pairs.tsv", "source_language": "en", "target_language_column": "language"}
_FILES = {"source_file": "a.en", "target_file": "a.de", "source_language": "en", "target_language": "de"}
_TMX = {"path": "a.tmx", "source_language": "en", "target_language": "de"}
_HUB = {"path": "hub", "source_language": "en", "target_language": "de"}
_UNIT = '<tu><tuv xml:lang="en"><seg>a</seg></tuv><tuv xml:lang="de"><seg>b</seg></tuv></tu>'
_MEMORY = f"<tmx><body>{_UNIT}</body></tmx>"
_PAIR = '{"source": "a house", "target": "ein haus", "language": "de"}\n'

_PARALLEL: dict[str, tuple[tuple[Damage, ...], tuple[str, ...]]] = {
    "table missing": ((_parallel("PairTable", **_TABLE | {"path": "nowhere.tsv"}),), ("nowhere.tsv",)),
    "table column": ((_parallel("PairTable", **_TABLE, target_column="absent"),), ("pairs.tsv:2", "absent")),
    "table language": (
        (_parallel("PairTable", path="pairs.tsv", source_language="english", target_language="de"),),
        ("source_language", "english"),
    ),
    "table language in a row": (
        (line("pairs.tsv", 4, "a house\tein haus\tgerman"), _parallel("PairTable", **_TABLE)),
        ("pairs.tsv:4", "german"),
    ),
    "table surrogate": (
        (
            write("p.jsonl", _PAIR + _PAIR.replace("house", "\\udc80")),
            _parallel("PairTable", **_TABLE | {"path": "p.jsonl"}),
        ),
        ("p.jsonl:2", "surrogate"),
    ),
    "table list": (
        (
            write("p.jsonl", _PAIR + _PAIR.replace('"ein haus"', "[1]")),
            _parallel("PairTable", **_TABLE | {"path": "p.jsonl"}),
        ),
        ("p.jsonl:2", "target"),
    ),
    "table header alone": (
        (write("pairs.tsv", "source\ttarget\tlanguage\n"), _parallel("PairTable", **_TABLE)),
        ("pairs.tsv", "no sentence pair"),
    ),
    "lines unequal": (
        (write("a.en", "a\nb\n"), write("a.de", "a\n"), _parallel("LineAlignedFiles", **_FILES)),
        ("a.en", "a.de", "2", "1"),
    ),
    "lines Latin-1": (
        (write("a.en", "a\nb\n"), write("a.de", b"a\n\xfc\n"), _parallel("LineAlignedFiles", **_FILES)),
        ("a.de:2", "UTF-8"),
    ),
    "lines language": (
        (_parallel("LineAlignedFiles", **_FILES | {"source_language": "???"}),),
        ("source_language", "???"),
    ),
    "lines gzip with a wrong sum": (
        (
            write("a.gz", gzip.compress(b"abc\n" * 9)[:-8] + b"\0" * 8),
            write("a.de", "abc\n" * 9),
            _parallel("LineAlignedFiles", **_FILES | {"source_file": "a.gz"}),
        ),
        ("a.gz",),
    ),
    "memory cut": ((write("a.tmx", _MEMORY[:-20]), _parallel("TMXFile", **_TMX)), ("a.tmx:1",)),
    "memory language": (
        (write("a.tmx", _MEMORY), _parallel("TMXFile", **_TMX | {"target_language": "german"})),
        ("german",),
    ),
    "memory entity bomb": (
        (
            write("a.tmx", '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + _MEMORY.replace(">a<", ">&b;<")),
            _parallel("TMXFile", **_TMX),
        ),
        ("a.tmx:1", "b"),
    ),
    "hub missing": ((_parallel("HubPairs", **_HUB),), ("hub",)),
    "hub no parquet": ((write("hub/train.parquet", "no parquet"), _parallel("HubPairs", **_HUB)), ("hub",)),
    "Tatoeba missing": ((_parallel("TatoebaPairs", data_dir="nowhere"),), ("nowhere",)),
}
for kind, (damages, says) in _PARALLEL.items():
    CASES[f"fit: parallel {kind}"] = Case("fit", FIT, says, damages)


# Lexicons


def _attack(class_path: str, **options: Any) -> Damage:
    perturbation = {"class_path": f"xltrobust.perturb.{class_path}", "init_args": options}
    return write("attack.yaml", yaml.safe_dump(ATTACK | {"perturbation": perturbation}))


_LEXICONS: dict[str, tuple[str, str | bytes, tuple[str, ...]]] = {
    "TSV row": ("l.tsv", "red\trot\nhouse\n", ("l.tsv:2",)),
    "TSV Latin-1": ("l.tsv", b"red\trot\ngreen\tgr\xfcn\n", ("l.tsv:2", "UTF-8")),
    "JSON deep": ("l.json", DEEP, ("l.json", "nested")),
    "JSON surrogate": ("l.json", '{"red": ["r\\udc80t"]}', ("l.json", "surrogate")),
    "dictionary no gzip": ("l.dict.dz", "red\nrot\n", ("l.dict.dz",)),
    "unknown kind": ("l.xlsx", "PK", ("l.xlsx",)),
}
for kind, (name, content, says) in _LEXICONS.items():
    index = [write("l.index", "red\tA\tG\n")] if name.endswith(".dz") else []
    damages = (write(name, content), *index, _attack("CodeMixing", lexicons={"en-de": name}))
    CASES[f"attack: lexicon {kind}"] = Case("attack", "--run run --attack attack.yaml", says, damages)
CASES |= {
    f"attack: lexicon {kind}": Case(
        "attack", "--run run --attack attack.yaml", says, (_attack(*perturbation[:1], **perturbation[1]),)
    )
    for kind, (perturbation, says) in {
        "missing": (("CodeMixing", {"lexicons": {"en-de": "nowhere.tsv"}}), ("nowhere.tsv",)),
        "language": (("CodeMixing", {"lexicons": {"english-german": "lexicon.tsv"}}), ("attack.yaml", "english")),
        "synonyms language": (("SynonymSubstitution", {"tables": {"english": "synonyms.json"}}), ("english",)),
    }.items()
}

import json
import re

import pandas as pd
import pytest

from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.sources.hub import HubPairs
from xltrobust.errors import DataError

OPUS = [{"translation": {"en": "Hello", "de": "Hallo"}}, {"translation": {"en": "Yes", "de": None}}]
FIELDS = [{"premise": "one", "translated": "eins", "n": 1}, {"premise": "two", "translated": "zwei", "n": 2}]


@pytest.fixture(autouse=True)
def no_cache(tmp_path, monkeypatch):
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def directory(tmp_path, rows: list[dict], kind: str = "jsonl", split: str = "train") -> str:
    path = tmp_path / "data"
    path.mkdir(exist_ok=True)
    if kind == "parquet":
        pd.DataFrame(rows).to_parquet(path / f"{split}.parquet")
    else:
        (path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def hub(path: str, **kwargs) -> HubPairs:
    return HubPairs(**({"path": path, "source_language": "en", "target_language": "de"} | kwargs))


def refused(bitext, *messages: str) -> None:
    with pytest.raises(DataError) as error:
        list(bitext)
    assert all(message in str(error.value) for message in messages), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_translations_by_language(tmp_path, kind):
    path = directory(tmp_path, OPUS, kind)
    assert list(hub(path)) == [SentencePair("Hello", "Hallo", "en", "de"), SentencePair("Yes", "", "en", "de")]
    swapped = hub(path, source_language="deu", target_language="en-GB")
    assert next(iter(swapped)) == SentencePair("Hallo", "Hello", "deu", "en-GB")


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_two_fields_of_another_split(tmp_path, kind):
    path = directory(tmp_path, FIELDS, kind, "validation")
    bitext = hub(path, split="validation", source_field="premise", target_field="translated")
    assert list(bitext) == [SentencePair("one", "eins", "en", "de"), SentencePair("two", "zwei", "en", "de")]
    assert list(bitext) == list(bitext)


def test_configurations_of_a_data_card(tmp_path):
    path = directory(tmp_path, OPUS, split="a")
    directory(tmp_path, [{"translation": {"en": "Other", "de": "Andere"}}], split="b")
    configs = "".join(f"- config_name: {name}\n  data_files: {name}.jsonl\n" for name in "ab")
    (tmp_path / "data" / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    assert [pair.source for name in "ba" for pair in hub(path, name=name)] == ["Other", "Hello", "Yes"]
    refused(hub(path, name="c"), f"{path}[c/train]: cannot be read (BuilderConfig 'c' not found. Available: ['a', 'b']")


def test_languages_and_fields_that_are_not_there(tmp_path):
    path = directory(tmp_path, OPUS)
    refused(hub(path, target_language="fr"), f"`target_language` to name a language of {path}[train], row 1 (de, en)")
    fields = {"source_field": "premise", "target_field": "translated"}
    refused(hub(path, **fields), f"{path}[train], row 1: no field 'premise'; the row has translation.")
    directory(tmp_path, FIELDS)
    refused(hub(path), f"{path}[train], row 1: no `translation` by language; the row has premise, translated, n:")
    refused(hub(path, source_field="premise", target_field="n"), "row 1, n: expected text, but got int.")


def test_a_split_that_is_not_there(tmp_path):
    path = directory(tmp_path, OPUS)
    refused(hub(path, split="dev"), f"{path}[dev]: cannot be read (Bad split: dev. Available splits: ['train']);")


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("train.jsonl", b'{"translation": {"en": "a", "de": "b"}}\n{"translation": \n', "JSON parse error"),
        ("train.jsonl", '{"translation": {"en": "é", "de": "b"}}\n'.encode("latin1"), "utf-8"),
        ("train.parquet", b"no parquet", "Parquet"),
    ],
)
def test_files_that_are_damaged(tmp_path, name, content, reason):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_bytes(content)
    refused(hub(str(tmp_path / "data")), f"{tmp_path / 'data'}[train]: cannot be read (", reason)


def test_missing_and_empty_directories_and_a_hub_out_of_reach(tmp_path):
    refused(hub(str(tmp_path / "absent")), f"{tmp_path / 'absent'}[train]: cannot be read (")
    (tmp_path / "empty").mkdir()
    refused(hub(str(tmp_path / "empty")), f"{tmp_path / 'empty'}[train]: cannot be read (")
    message = "xltrobust/no-such-data[de-en/train]: cannot be read (Couldn't reach 'xltrobust/no-such-data' on the Hub"
    refused(hub("xltrobust/no-such-data", name="de-en"), message, "check path, name, split and revision")


def test_code_that_comes_with_data_is_not_run(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    refused(hub(str(tmp_path / "data")), "cannot be read (Dataset scripts are no longer supported")
    assert not (tmp_path / "ran").exists()


def test_provenance_and_stamp(tmp_path):
    path = directory(tmp_path, OPUS)
    bitext = hub(path, licence="CC0-1.0")
    file = tmp_path / "data" / "train.jsonl"
    assert bitext.provenance() == {
        "source": f"{path}[train]",
        "version": "unknown",
        "licence": "CC0-1.0",
        "languages": ["en", "de"],
        "files": {str(file): file.stat().st_size},
    }
    stamp = bitext.stamp()
    directory(tmp_path, OPUS[:1])
    assert bitext.stamp() != stamp
    remote = hub("a/b", name="de-en", revision="abc")
    assert json.loads(json.dumps(remote.provenance())) == {
        "source": "a/b[de-en/train]",
        "version": "abc",
        "licence": "unknown",
        "languages": ["en", "de"],
    }
    others = [{"name": "x"}, {"split": "dev"}, {"revision": "d"}, {"target_language": "fr"}, {"path": "a/c"}]
    usual = {"path": "a/b", "name": "de-en", "revision": "abc"}
    stamps = {repr(hub(**(usual | other)).stamp()) for other in [{}, *others]}
    assert len(stamps) == 6 and repr(remote.stamp()) in stamps


@pytest.mark.parametrize("field", ["source_field", "target_field"])
def test_one_field_alone_and_a_language_twice(field):
    with pytest.raises(
        ValueError, match=re.escape("both or neither of the arguments `source_field` and `target_field`")
    ):
        hub("a/b", **{field: "text"})
    with pytest.raises(ValueError, match="Expected argument `target_language`"):
        hub("a/b", target_language="en")

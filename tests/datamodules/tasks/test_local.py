import re

import pytest

from xltrobust.datamodules import LocalClassification
from xltrobust.datamodules.example_table import Columns
from xltrobust.errors import DataError
from xltrobust.example import Example


def module_of(directory, files: dict[str, str], **arguments) -> LocalClassification:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf8")
    return LocalClassification(**{"data_dir": str(directory), "source": "en", "languages": ["de"]} | arguments)


SHARED = "lang\ttext\tlabel\nen\tgood\tpos\nde\tgut\tpos\nen\tbad\tneg\nfr\tbon\tpos\n"


def test_labels_are_those_of_the_training_file_sorted(tmp_path):
    files = {"en/train.tsv": "text\tlabel\na\tz\nb\ty\nc\tz\n", "de/test.tsv": "text\tlabel\nd\ty\n"}
    module = module_of(tmp_path, files)
    assert module.labels == ["y", "z"]
    assert module.read("train", "en") == [
        Example("1", "en", "a", 1), Example("2", "en", "b", 0), Example("3", "en", "c", 1)
    ]  # fmt: skip
    assert module.read("test", "de") == [Example("1", "de", "d", 0)]


def test_a_label_that_training_lacks_is_refused_in_the_test(tmp_path):
    files = {"en/train.tsv": "text\tlabel\na\tz\nb\ty\n", "de/test.tsv": "text\tlabel\nd\tx\n"}
    with pytest.raises(
        DataError, match=f"{re.escape(str(tmp_path))}/de/test.tsv:2: unknown label 'x'; expected one of y, z"
    ):
        module_of(tmp_path, files).read("test", "de")


def test_given_labels_keep_their_order(tmp_path):
    module = module_of(tmp_path, {"en/train.tsv": "text\tlabel\na\tz\nb\t0\n"}, labels=["z", "y"])
    assert module.labels == ["z", "y"]
    assert [example.label for example in module.read("train", "en")] == [0, 0]


def test_one_file_with_a_language_column(tmp_path):
    paths = {"train": "all.tsv", "dev": "all.tsv", "test": "all.tsv", "columns": Columns(language="lang")}
    module = module_of(tmp_path, {"all.tsv": SHARED}, languages=["de", "fr"], **paths)
    assert [e.text for e in module.read("train", "en")] == ["good", "bad"]
    assert module.read("test", "de") == [Example("1", "de", "gut", 1)]
    assert [e.text for e in module.read("dev", "fr")] == ["bon"]


def test_a_language_that_the_column_lacks_is_refused(tmp_path):
    paths = {"train": "all.tsv", "dev": "all.tsv", "test": "all.tsv", "columns": Columns(language="lang")}
    module = module_of(tmp_path, {"all.tsv": SHARED}, languages=["de-DE"], **paths)
    with pytest.raises(DataError, match="all.tsv: no rows for language 'de-DE'; check its spelling"):
        module.read("test", "de-DE")
    assert module.read("dev", "de-DE") == []


MAPPED = {"en": "english", "bbc": "toba_batak"}


def test_codes_stand_for_the_names_that_folders_have(tmp_path):
    files = {"english/train.tsv": "text\tlabel\na\tz\nb\ty\n", "toba_batak/test.tsv": "text\tlabel\nd\ty\n"}
    module = module_of(tmp_path, files, languages=MAPPED | {"de": "de"})
    assert module.targets == ["bbc", "de"] and module.labels == ["y", "z"]
    assert module.read("train", "en") == [Example("1", "en", "a", 1), Example("2", "en", "b", 0)]
    assert module.read("test", "bbc") == [Example("1", "bbc", "d", 0)]
    with pytest.raises(DataError, match="/de/test.tsv: no such file"):
        module.read("test", "de")


def test_codes_stand_for_the_names_in_a_language_column(tmp_path):
    text = SHARED.replace("\nde", "\ntoba_batak").replace("\nen", "\nenglish")
    paths = {"train": "all.tsv", "dev": "all.tsv", "test": "all.tsv", "columns": Columns(language="lang")}
    module = module_of(tmp_path, {"all.tsv": text}, languages=MAPPED, **paths)
    assert [(e.language, e.text) for e in module.read("train", "en")] == [("en", "good"), ("en", "bad")]
    assert module.read("test", "bbc") == [Example("1", "bbc", "gut", 1)]
    with pytest.raises(DataError, match="no rows for language 'french'"):
        module_of(tmp_path, {}, languages=MAPPED | {"fr": "french"}, **paths).read("test", "fr")


def test_names_in_place_of_codes_are_refused_with_what_to_write(tmp_path):
    with pytest.raises(ValueError, match="`source` to name languages by codes .* write languages: {.*: english}"):
        module_of(tmp_path, {}, source="english")
    for languages in (["german"], {"german": "german"}):
        with pytest.raises(ValueError, match="`languages` to name languages by codes .* write languages: {.*: german}"):
            module_of(tmp_path, {}, languages=languages)
    with pytest.raises(ValueError, match="`languages` to give 'de' a name"):
        module_of(tmp_path, {}, languages={"de": " "})


def test_files_of_which_nobody_knows_the_language_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected argument `test` to contain {language}"):
        module_of(tmp_path, {}, test="all.tsv")
    module_of(tmp_path, {}, train="train.tsv", dev="dev.tsv")  # the source's alone


def test_files_without_a_header(tmp_path):
    files = {"en/train.csv": '1,"a, b",pos\n2,c,neg\n', "test-de.csv": "1,d,pos\n"}
    paths = {"train": "{language}/train.csv", "test": "test-{language}.csv", "header": ["nr", "text", "label"]}
    module = module_of(tmp_path, files, columns=Columns(id="nr"), **paths)
    assert module.labels == ["neg", "pos"]
    assert module.read("train", "en")[0] == Example("1", "en", "a, b", 1)
    assert module.read("test", "de") == [Example("1", "de", "d", 1)]


def test_a_group_column_and_pairs(tmp_path):
    line = '{"a": "x", "b": "y", "label": 1, "document": "d7"}\n'
    columns = Columns(text="a", text_pair="b", group="document")
    module = module_of(tmp_path, {"en.jsonl": line}, train="en.jsonl", columns=columns, labels=["no", "yes"])
    assert module.read("train", "en") == [Example("1", "en", "x", 1, "y", "d7")]


def test_target_dev_files_are_optional_and_all_others_are_not(tmp_path):
    module = module_of(tmp_path, {"en/train.tsv": "text\tlabel\na\tz\nb\ty\n"})
    assert module.read("dev", "de") == []
    for split, language in (("dev", "en"), ("test", "de"), ("test", "en")):
        with pytest.raises(DataError, match=f"{language}/{split}.tsv: no such file"):
            module.read(split, language)


def test_a_training_file_without_the_label_column_is_refused(tmp_path):
    module = module_of(tmp_path, {"en/train.tsv": "text\tgold\na\tz\n"})
    with pytest.raises(DataError, match="en/train.tsv:2: no column 'label'; the file has text, gold"):
        module.labels  # noqa: B018
    with pytest.raises(DataError, match="en/train.tsv: no rows for language 'en'"):
        module_of(tmp_path, {"en/train.tsv": "text\tlabel\n"}).read("train", "en")


def test_the_source_is_not_among_the_targets(tmp_path):
    module = module_of(tmp_path, {}, languages=["fr", "en", "de"])
    assert module.targets == ["fr", "de"]
    assert module.splits() == {"dev": ["en"], "test": ["en", "fr", "de"]}


def test_a_dev_file_that_tells_no_language_is_the_sources(tmp_path):
    rows = "text\tlabel\na\tz\nb\ty\n"
    files = {"train.tsv": rows, "dev.tsv": rows, "en.tsv": rows, "de.tsv": rows}
    module = module_of(tmp_path, files, train="train.tsv", dev="dev.tsv", test="{language}.tsv")
    assert len(module.read("dev", "en")) == 2 and module.read("dev", "de") == []


def test_a_missing_file_beside_others_is_told_with_how_to_map_names(tmp_path):
    files = {"english/train.tsv": "text\tlabel\na\tz\nb\ty\n", "german/test.tsv": "text\tlabel\nd\ty\n"}
    with pytest.raises(DataError, match=r"en/train.tsv: no such file, but .*english/train.tsv; .*{en: NAME}"):
        _ = module_of(tmp_path, files).labels
    with pytest.raises(DataError, match=r"de/test.tsv: no such file, but .*german/test.tsv; .*{de: NAME}"):
        module_of(tmp_path, files, labels=["y", "z"]).read("test", "de")
    with pytest.raises(DataError, match="no such file; check the path"):
        module_of(tmp_path, {}, labels=["y", "z"], test="other-{language}.tsv").read("test", "de")

import re
from pathlib import Path

import pytest

from xltrobust.datamodules import PAWSX, XNLI
from xltrobust.errors import DataError
from xltrobust.example import Example

PAWSX_ROWS = {  # id, sentence1, sentence2, label
    "en": [("1", "He ran .", "He was running .", "1"), ("2", '"A" b', "B a", "0"), ("3", "x", "NS", "1")],
    "de": [("1", "Er lief .", "Er rannte .", "1"), ("2", "NS", "B a (de)", "0"), ("3", "x (de)", "y (de)", "1")],
    "fr": [("1", "Il courait .", "Il a couru .", "1"), ("2", "A b (fr)", "B a (fr)", "0"), ("3", "NS", "NS", "1")],
}
XNLI_HEADER = (
    "language gold_label sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse sentence1"
    " sentence2 promptID pairID genre label1 label2 label3 label4 label5 sentence1_tokenized sentence2_tokenized match"
).split()
XNLI_ROWS = {  # pairID, premise, hypothesis, label
    "en": [
        ("1", "He came .", "He was here .", "entailment"),
        ("2", "p2", "h2", "neutral"),
        ("3", "p3", "h3", "contradiction"),
    ],
    "de": [
        ("1", "Er kam .", "Er war hier .", "entailment"),
        ("3", "q3", "k3", "contradiction"),
        ("2", "q2", "k2", "neutral"),
    ],
}


def write_lines(path: Path, lines: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(fields) + "\n" for fields in lines), encoding="utf8")


@pytest.fixture
def pawsx_original(tmp_path):
    for language, rows in PAWSX_ROWS.items():
        for name in ("dev_2k.tsv", "test_2k.tsv", *(["train.tsv"] if language == "en" else [])):
            header = [("id", "sentence1", "sentence2", "label")]
            write_lines(tmp_path / "original" / language / name, header + rows)
    return str(tmp_path / "original")


@pytest.fixture
def pawsx_xtreme(tmp_path):
    for language, rows in PAWSX_ROWS.items():
        for split in ("dev", "test", *(["train"] if language == "en" else [])):
            write_lines(tmp_path / "xtreme" / f"{split}-{language}.tsv", [row[1:] for row in rows])
    return str(tmp_path / "xtreme")


@pytest.fixture
def xnli_original(tmp_path):
    lines = [
        [
            language,
            label,
            "( p",
            "( h",
            "(ROOT",
            "(ROOT",
            premise,
            hypothesis,
            pair,
            pair,
            "fiction",
            *[label] * 5,
            "p",
            "h",
        ]
        + ["True"]
        for language, rows in XNLI_ROWS.items()
        for pair, premise, hypothesis, label in rows
    ]
    for split in ("dev", "test"):
        write_lines(tmp_path / f"xnli.{split}.tsv", [XNLI_HEADER, *lines])
    train = [
        ("premise", "hypo", "label"),
        ("a", 'b "quoted"', "contradictory"),
        ("c", "d", "neutral"),
        ("e", "f", "entailment"),
    ]
    write_lines(tmp_path / "multinli" / "multinli.train.en.tsv", train)
    return str(tmp_path)


@pytest.fixture
def datasets_cache(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets_cache")


def contents(examples: list[Example]) -> list[tuple]:
    return [(example.language, example.text, example.text_pair, example.label) for example in examples]


def hub_layout(directory: Path, by_language: dict[str, list[dict]], labels: list[str]) -> str:
    """A local copy of a hub data set: configurations in the card's YAML, one parquet file a split."""
    from datasets import ClassLabel, Dataset

    card = ["---", "configs:"]
    for language, rows in by_language.items():
        card += [f"- config_name: {language}", "  data_files:"]
        for split in ("train", "validation", "test"):
            data = Dataset.from_list(rows[:-1] if split == "validation" else rows)
            (directory / language).mkdir(parents=True, exist_ok=True)
            data.cast_column("label", ClassLabel(names=labels)).to_parquet(directory / language / f"{split}.parquet")
            card += [f"  - split: {split}", f"    path: {language}/{split}.parquet"]
    (directory / "README.md").write_text("\n".join([*card, "---", ""]))
    return str(directory)


def test_pawsx_in_its_original_layout(pawsx_original):
    module = PAWSX(data_dir=pawsx_original, languages=["de", "fr"])
    assert module.read("test", "en") == [
        Example("1", "en", "He ran .", 1, "He was running ."),
        Example("2", "en", '"A" b', 0, "B a"),
    ]
    assert [e.id for e in module.read("test", "de")] == ["1", "3"]
    assert module.counts["left_out"]["test"] == {
        "en": {"not translated (NS)": 1},
        "de": {"not translated (NS)": 1},
    }
    assert module.read("train", "en") == module.read("dev", "en")
    assert module.labels == ["different", "paraphrase"]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_both_layouts_of_pawsx_give_the_same_examples_and_counts(pawsx_original, pawsx_xtreme, split):
    modules = [
        PAWSX(data_dir=root, languages=["de", "fr"], generalized="all") for root in (pawsx_original, pawsx_xtreme)
    ]
    for language in ["en", *modules[0].targets]:
        first, second = (contents(module.read(split, language)) for module in modules)
        assert first == second
    assert contents(modules[0].read(split, ("fr", "de"))) == [(("fr", "de"), "Il courait .", "Er rannte .", 1)]
    assert contents(modules[0].read(split, ("de", "fr"))) == [(("de", "fr"), "Er lief .", "Il a couru .", 1)]
    assert modules[0].counts == modules[1].counts
    assert modules[0].counts["left_out"][split]["fr>de"] == {"missing in either language": 2}


def test_xtreme_files_whose_untranslated_rows_were_deleted_are_refused(pawsx_xtreme):
    path = Path(pawsx_xtreme) / "test-de.tsv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "NS" not in line))
    module = PAWSX(data_dir=pawsx_xtreme, languages=["de"], generalized="all")
    assert len(module.read("test", "de")) == 2
    with pytest.raises(DataError, match="en and de: 3 and 2 rows and no ids"):
        module.read("test", ("en", "de"))
    assert len(module.read("dev", ("en", "de"))) == 1


@pytest.mark.parametrize("task, languages", [(PAWSX, 7), (XNLI, 15)])
def test_all_pairs_of_languages_are_tested_and_a_pair_of_one_is_that_language(task, languages):
    module = task(generalized="all")
    tested = module.splits()["test"]
    assert len(tested) == len(set(tested)) == languages**2
    assert tested[0] == "en" and set(task.all_languages) <= set(tested)
    pairs = [language for language in tested if isinstance(language, tuple)]
    assert len(pairs) == languages * (languages - 1) and all(first != second for first, second in pairs)
    assert module.splits()["dev"] == ["en"]
    assert task(generalized="all", validate_targets=1).splits()["dev"] == ["en", *module.languages]


def test_chosen_pairs_and_languages():
    module = PAWSX(generalized=[("de", "fr"), ("zh", "zh"), ("en", "en")], languages=["de"])
    assert module.splits() == {"dev": ["en"], "test": ["en", ("de", "fr"), "zh"]}
    assert PAWSX(languages=["de", "en", "ja"]).targets == ["de", "ja"]
    assert PAWSX(source="de").splits()["test"] == ["de", "en", "es", "fr", "ja", "ko", "zh"]
    assert PAWSX(languages=[]).targets == []


def test_unknown_languages_are_refused():
    for arguments in ({"languages": ["de", "sw"]}, {"source": "sw"}, {"generalized": [("de", "sw")]}):
        with pytest.raises(ValueError, match=r"Expected languages of PAWSX \(en, de, .*\), but got \['sw'\]"):
            PAWSX(**arguments)


def test_xnli_in_its_original_layout(xnli_original):
    module = XNLI(data_dir=xnli_original, languages=["de"], generalized="all")
    assert contents(module.read("test", "en")) == [
        ("en", "He came .", "He was here .", 0), ("en", "p2", "h2", 1), ("en", "p3", "h3", 2)
    ]  # fmt: skip
    assert [e.id for e in module.read("dev", "de")] == ["1", "3", "2"]
    assert contents(module.read("test", ("de", "en"))) == [
        (("de", "en"), "Er kam .", "He was here .", 0),
        (("de", "en"), "q3", "h3", 2),
        (("de", "en"), "q2", "h2", 1),
    ]
    assert contents(module.read("train", "en")) == [
        ("en", "a", 'b "quoted"', 2), ("en", "c", "d", 1), ("en", "e", "f", 0)
    ]  # fmt: skip
    assert "left_out" not in module.counts


def test_a_test_language_that_a_shared_file_lacks_is_refused_not_dropped(xnli_original):
    module = XNLI(data_dir=xnli_original, languages=["sw"])
    assert module.read("dev", "sw") == []
    with pytest.raises(DataError, match=f"{re.escape(xnli_original)}: no test examples in sw"):
        module.read("test", "sw")


def test_missing_data_names_the_directory_and_both_layouts(tmp_path):
    for task, original in ((PAWSX, "de/test_2k.tsv"), (XNLI, "xnli.test.tsv")):
        with pytest.raises(DataError) as error:
            task(data_dir=str(tmp_path)).read("test", "de")
        for named in (str(tmp_path), original, "test-de.tsv", "original layout", "XTREME"):
            assert named in str(error.value)


def test_target_dev_files_are_optional_but_the_source_needs_one(pawsx_original):
    for language in ("de", "en"):
        (Path(pawsx_original) / language / "dev_2k.tsv").unlink()
    module = PAWSX(data_dir=pawsx_original, languages=["de"])
    assert module.read("dev", "de") == []
    with pytest.raises(DataError, match="no dev data for 'en'"):
        module.read("dev", "en")


def test_pawsx_from_a_hub_layout(tmp_path, datasets_cache, pawsx_original):
    columns = ("id", "sentence1", "sentence2", "label")
    by_language = {
        language: [dict(zip(columns, (int(row[0]), *row[1:3], int(row[3])), strict=True)) for row in rows]
        for language, rows in PAWSX_ROWS.items()
    }
    hub = hub_layout(tmp_path / "hub", by_language, ["0", "1"])
    module, original = (
        PAWSX(languages=["de", "fr"], **where) for where in ({"hub": hub}, {"data_dir": pawsx_original})
    )
    for split, language in (("train", "en"), ("test", "de"), ("test", ("en", "fr"))):
        assert module.read(split, language) == original.read(split, language)
    assert [e.id for e in module.read("dev", "en")] == ["1", "2"]
    assert module.counts == {
        "left_out": {
            "train": {"en": {"not translated (NS)": 1}},
            "test": {"de": {"not translated (NS)": 1}, "en>fr": {"missing in either language": 1}},
        }
    }


def test_xnli_from_a_hub_layout(tmp_path, datasets_cache):
    by_language = {
        language: [
            {"premise": premise, "hypothesis": hypothesis, "label": XNLI.label_names.index(label)}
            for _, premise, hypothesis, label in sorted(rows)
        ]
        for language, rows in XNLI_ROWS.items()
    }
    module = XNLI(hub=hub_layout(tmp_path / "hub", by_language, list(XNLI.label_names)), languages=["de"])
    assert module.read("test", "de") == [
        Example("1", "de", "Er kam .", 0, "Er war hier ."),
        Example("2", "de", "q2", 1, "k2"),
        Example("3", "de", "q3", 2, "k3"),
    ]
    assert len(module.read("dev", "en")) == 2
    assert contents(module.read("test", ("en", "de")))[2] == (("en", "de"), "p3", "k3", 2)

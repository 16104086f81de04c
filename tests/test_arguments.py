"""What results tell of the arguments of an attack's parts: enough to tell two apart, and never a whole table."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from xltrobust.arguments import describe
from xltrobust.evaluation.attack_recipes import build_recipe
from xltrobust.perturb import (
    Attack,
    CodeMixing,
    KeepStopWords,
    RandomSearch,
    RandomView,
    Replay,
    SemanticSimilarity,
    SynonymSubstitution,
    TypoPerturbation,
)
from xltrobust.perturb.base import Perturbation
from xltrobust.perturb.recipe import describe_attack, first_difference
from xltrobust.regularizers import CodeSwitching, DataAugmentation
from xltrobust.text.bilingual_lexicon import BilingualLexicon
from xltrobust.text.word_table import WordTable

RESULTS = Path(__file__).parents[1] / "docs/results"


@pytest.fixture
def tables(tmp_path: Path) -> list[str]:
    """Three files of a word and its replacement: two of the same content, and another."""
    for name, text in {"a": "cat\tfeline", "b": "cat\tfeline", "c": "cat\ttom"}.items():
        (tmp_path / f"{name}.tsv").write_text(f"{text}\n", encoding="utf8")
    return [str(tmp_path / f"{name}.tsv") for name in "abc"]


class Forgetful(Perturbation):
    """A part of a user's that keeps nothing of its arguments under their names."""

    def __init__(self, table, *more, depth=1, **options):
        self._size = len(table)

    def candidates(self, example, rng):
        return []


@dataclass(frozen=True, kw_only=True)
class Frozen(Perturbation):
    rate: float = 0.5

    def candidates(self, example, rng):
        return []


def recipe(perturbation, *constraints):
    return Attack(perturbation=perturbation, search=RandomSearch(draws=2), constraints=list(constraints))


def told(*parts):
    """As results.json is read again."""
    return json.loads(json.dumps(describe_attack(recipe(*parts))))


def pairs_of_different_attacks(a, b, c):
    typo = TypoPerturbation()
    table, other = WordTable([("cat", ["Katze"])]), WordTable([("cat", ["Kater"])])
    many = {f"word{n}": [f"other{n}"] for n in range(500)}
    yield recipe(SynonymSubstitution(tables={"en": a})), recipe(SynonymSubstitution(tables={"en": c}))
    yield recipe(SynonymSubstitution(tables={"en": a})), recipe(SynonymSubstitution(tables={"de": a}))
    yield (
        recipe(SynonymSubstitution(tables={"en": a}, max_synonyms=1)),
        recipe(SynonymSubstitution(tables={"en": a}, multiword=True, max_synonyms=1)),
    )
    yield recipe(CodeMixing(lexicons={"en-de": a})), recipe(CodeMixing(lexicons={"en-de": c}))
    yield recipe(CodeMixing(lexicons={"en-de": table})), recipe(CodeMixing(lexicons={"en-de": other}))
    yield (
        recipe(CodeMixing(lexicons={"en-de": a}, languages=["de"])),
        recipe(CodeMixing(lexicons={"en-de": a}, pivot="en")),
    )
    yield recipe(typo, KeepStopWords(words=["the"])), recipe(typo, KeepStopWords(words=["a"]))
    yield recipe(typo, KeepStopWords(files={"en": a})), recipe(typo, KeepStopWords(files={"en": c}))
    yield recipe(Replay({("en", "0"): ("x", None)})), recipe(Replay({("en", "0"): ("y", None)}))
    yield recipe(Replay({("en", "0"): ("x", None)}, run="a/s")), recipe(Replay({("en", "0"): ("x", None)}, run="b/s"))
    yield recipe(Forgetful(many)), recipe(Forgetful(many | {"word7": ["else"]}))
    yield recipe(Forgetful([], 1)), recipe(Forgetful([], 2))
    yield recipe(Forgetful([], colour="red")), recipe(Forgetful([], colour="blue"))
    yield recipe(Forgetful(np.zeros(3))), recipe(Forgetful(np.ones(3)))
    yield recipe(Forgetful([lambda: 1])), recipe(Forgetful([lambda: 2]))


def test_attacks_with_other_arguments_are_never_equal_and_those_with_the_same_are(tables):
    pairs, again = list(pairs_of_different_attacks(*tables)), list(pairs_of_different_attacks(*tables))
    for (one, other), (same, _) in zip(pairs, again, strict=True):
        there, here = (json.loads(json.dumps(describe_attack(part))) for part in (one, other))
        assert first_difference(there, here), there
        if "lambda" not in str(there) and "function" not in str(there):
            assert first_difference(there, describe_attack(same)) is None, there
    nameless = told(Forgetful([lambda: 1]))
    assert first_difference(nameless, nameless).unknown  # nobody can say what is in it


def test_files_are_told_by_path_and_content(tables):
    a, b, _ = tables
    first = told(SynonymSubstitution(tables={"en": a}))["perturbation"]
    second = told(SynonymSubstitution(tables={"en": b}))["perturbation"]
    assert first["tables"] == {"en": a} and list(first["content-hash"]) == [a]
    assert first["content-hash"][a] == second["content-hash"][b]
    made = SynonymSubstitution(tables={"en": a})
    Path(a).write_text("cat\ttomcat\n", encoding="utf8")
    assert made.described() == {"class": "SynonymSubstitution", **{k: v for k, v in first.items() if k != "class"}}
    changed = told(SynonymSubstitution(tables={"en": a}))["perturbation"]
    assert changed["content-hash"] != first["content-hash"] and changed["tables"] == first["tables"]


def test_a_pretrained_encoder_is_told_by_its_content(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    hashes = set()
    for weights in (b"1", b"22"):
        (tmp_path / "weights").write_bytes(weights)
        told = SemanticSimilarity(encoder=str(tmp_path)).described()
        assert told["encoder"] == str(tmp_path)
        hashes.add(told["content-hash"][str(tmp_path)])
    assert len(hashes) == 2 and None not in hashes


def test_tables_are_never_told_at_length(tables):
    words = {f"word{n}": (f"other{n}",) for n in range(5000)}
    lexicon = BilingualLexicon.from_table(WordTable(words.items()), source_language="en", target_language="de")
    for part in (
        CodeMixing(lexicons={"en-de": lexicon}), CodeSwitching(lexicons={"en-de": lexicon}), Forgetful(words),
        KeepStopWords(words=list(words)), Replay({("en", word): (word, None) for word in words}), Forgetful("x" * 9999),
    ):  # fmt: skip
        text = json.dumps(part.described())
        assert len(text) < 700 and "content-hash" in text, text
    read = BilingualLexicon(source_language="en", target_language="de", path=tables[0], inflection=False)
    lexicon = CodeSwitching(lexicons={"en-de": read}).described()["lexicons"]["en-de"]
    assert (lexicon["class"], lexicon["source"], lexicon["inflection"], lexicon["size"]) == (
        "BilingualLexicon",
        tables[0],
        False,
        1,
    )


def test_parts_within_parts_and_classes_of_users_are_told():
    view = RandomView(perturbation=Forgetful([1, 2], depth=3), rate=0.5)
    told = DataAugmentation(view=view).described()["view"]
    assert told == {
        "class": "RandomView", "rate": 0.5, "segmentation": "space", "words_changed": None,
        "perturbation": {"class": f"{__name__}.Forgetful", "table": [1, 2], "depth": 3},
    }  # fmt: skip
    assert Frozen(rate=0.25).described() == {"class": f"{__name__}.Frozen", "rate": 0.25}


def test_copies_tell_the_same(tables):
    made = SynonymSubstitution(tables={"en": tables[0]}, max_synonyms=2)
    assert copy.deepcopy(made).described() == pickle.loads(pickle.dumps(made)).described() == made.described()


def test_values_are_told_as_json_has_them():
    value = {"a": (1, np.float32(0.5)), "b": {"y", "x"}, "c": Path("p/q"), "d": None, "e": b"raw", 1: True}
    told = describe(value)
    assert json.loads(json.dumps(told)) == told
    assert describe({key: value[key] for key in "abcd"}) == {"a": [1, 0.5], "b": ["x", "y"], "c": "p/q", "d": None}


@pytest.mark.parametrize(
    "name",
    [
        path.stem
        for path in sorted((RESULTS.parents[1] / "experiments/attacks").iterdir())
        if path.stem not in ("bidi", "deletions", "zero_width")  # which it did not have
    ],
)
def test_attacks_of_an_older_version_are_the_same_unless_it_did_not_tell_their_tables(tables, name):
    options = yaml.safe_load((RESULTS.parents[1] / f"experiments/attacks/{name}.yaml").read_text(encoding="utf8"))
    for argument in ("tables", "lexicons"):
        languages = options["perturbation"].get("init_args", {}).get(argument)
        if languages:
            options["perturbation"]["init_args"][argument] = dict.fromkeys(languages, tables[0])
    there = json.loads((RESULTS / "sib200/results.json").read_text(encoding="utf8"))["attacks"][name]["recipe"]
    found = first_difference(there, describe_attack(build_recipe(options, name)))
    if name in ("synonyms", "code_mixing"):
        assert found.unknown and found.option in ("recipe.perturbation.tables", "recipe.perturbation.lexicons")
    else:
        assert found is None
    assert first_difference(there, describe_attack(recipe(Forgetful([]))))

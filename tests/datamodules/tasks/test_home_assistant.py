import importlib.metadata
import importlib.util
import re
import sys
from collections import Counter

import pytest

pytest.importorskip("hassil", reason="needs the voice commands: pip install 'xltrobust[offline]'")

from xltrobust.datamodules import HomeAssistantIntents, home_assistant_files  # noqa: E402
from xltrobust.datamodules.home_assistant_files import available_languages, slot_names  # noqa: E402
from xltrobust.datamodules.parallel.corpus import ParallelCorpus  # noqa: E402
from xltrobust.datamodules.parallel.sources.home_assistant import HomeAssistantTranslations  # noqa: E402
from xltrobust.datamodules.tasks import home_assistant
from xltrobust.datamodules.tasks.home_assistant import _normalised, spread  # noqa: E402
from xltrobust.errors import UserError  # noqa: E402
from xltrobust.example import Example  # noqa: E402

SPLITS = ("train", "dev", "test", "test_seen")
WHOLE = {"max_train_examples_per_intent": 10**6, "max_test_examples": 10**6, "max_dev_examples": 10**6}


def everything(module: HomeAssistantIntents, language: str) -> dict[str, list[Example]]:
    return {split: module.read(split, language) for split in SPLITS}


@pytest.fixture(scope="module")
def module() -> HomeAssistantIntents:
    return HomeAssistantIntents(languages=["de", "zh-CN"], draws=20, **WHOLE)


@pytest.fixture
def fresh_lookup():
    """Installed packages are looked up once a process: forget them before and after."""
    home_assistant_files.package_files.cache_clear()
    yield
    home_assistant_files.package_files.cache_clear()


def test_no_english_template_is_in_two_splits_but_for_held_out_sentences(module):
    templates = {split: {e.group for e in examples} for split, examples in everything(module, "en").items()}
    assert templates["test_seen"] and templates["test_seen"] <= templates["train"]
    for first, second in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert templates[first] and templates[second] and not templates[first] & templates[second]


@pytest.mark.parametrize("language", ["en", "de", "zh-CN"])
def test_no_sentence_comes_twice(module, language):
    found = Counter(_normalised(e.text) for examples in everything(module, language).values() for e in examples)
    assert found and found.most_common(1)[0][1] == 1


def test_a_sentence_that_two_templates_make_belongs_to_one_of_them(monkeypatch):
    module = HomeAssistantIntents(languages=["de"], draws=2)
    monkeypatch.setattr(module, "_parse", lambda language: (None, None))
    names = {"light": ["l/0", "l/1", "l/2"], "cover": ["c/0"]}
    templates = {intent: [(name, None, 0) for name in own] for intent, own in names.items()}
    monkeypatch.setattr(module, "_templates", lambda language: templates)
    draws = iter(["Light on", "light  ON", "LIGHT on", "lamp on", "both", "", "up", "Both"])
    monkeypatch.setattr(module, "_draw", lambda *_: next(draws))
    assert module._expand("en") == {"light": {"l/0": ["Light on"], "l/1": ["lamp on"]}, "cover": {"c/0": ["up"]}}
    assert module.counts["sentences_of_two_intents"] == {"en": 1}


def test_target_languages_have_no_training_split_and_their_own_dev_templates(module):
    german = everything(module, "de")
    assert not german["train"] and not german["test_seen"]
    groups = {split: {e.group for e in german[split]} for split in ("dev", "test")}
    assert groups["dev"] and not groups["dev"] & groups["test"]


def test_labels_are_intents_with_enough_templates_and_all_of_them_are_trained_and_tested(module):
    assert module.labels == sorted(module.labels) and len(module.labels) >= 20
    for split in ("train", "dev", "test"):
        examples = module.read(split, "en")
        assert {e.label for e in examples} == set(range(len(module.labels)))
        assert all(e.group.split("/")[1] == module.labels[e.label] for e in examples)
    trained, dev, test = (
        Counter(e.label for e in {e.group: e for e in module.read(split, "en")}.values())
        for split in ("train", "dev", "test")
    )
    assert min((trained + dev + test).values()) >= module.min_templates
    assert all(trained[label] >= dev[label] == test[label] >= 1 for label in trained)


def test_intents_with_few_templates_are_listed(module):
    module.read("test", "en")
    (few,) = module.counts["intents_left_out"].values()
    assert few and all(0 <= templates < 5 for templates in few.values())
    listed = home_assistant_files.intents_file("en")["intents"]
    assert set(few) | set(module.labels) == set(listed) and not set(few) & set(module.labels)
    assert "HassBroadcast" in few and few["HassBroadcast"] == 0  # its only slot is a wildcard


def test_units_are_the_values_of_the_slots_as_the_sentences_have_them(module):
    units = module.unseen_units()
    assert set(units) == {"en", "de", "zh-CN"}
    for language, own in units.items():
        assert {name for names in slot_names(language).values() for name in names} <= set(own)
        text = "\n".join(e.text for examples in everything(module, language).values() for e in examples)
        assert all(value and value in text for value in own)
    assert {"blue", "warm white", "half"} <= set(units["en"]) and "blau" in units["de"] and "蓝色" in units["zh-CN"]


def test_parallel_text_holds_no_value_of_a_slot(monkeypatch, tmp_path, tiny_encoder):
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path))
    corpus = ParallelCorpus(bitexts=[HomeAssistantTranslations(languages=["de"])])
    module = HomeAssistantIntents(
        languages=["de"], draws=3, target_draws=1, parallel=corpus, tokenizer=str(tiny_encoder)
    )
    units = {language: {own.casefold() for own in values} for language, values in module.unseen_units().items()}

    def values(data) -> set[tuple[str, str]]:
        """Pairs of which a side is one, trained on or held out."""
        pairs = [*data.pairs(range(len(data))), *data.held_out(("en", "de"))]
        found = {(pair.source.casefold(), pair.target.casefold()) for pair in pairs}
        return {(one, two) for one, two in found if one in units["en"] or two in units["de"]}

    everything, left = corpus.prepare({}), module.pairs
    assert ("living room", "wohnzimmer") in values(everything) and not values(left)
    assert left.record["counts"]["en>de"]["overlap with dev or test, unit"] >= len(values(everything)) > 20
    assert len(left) > 2_500


def test_sentences_of_intents_that_english_lacks_are_counted(module):
    examples = everything(module, "de")
    unknown = module.counts["sentences_of_unknown_intents"]["de"]
    assert unknown and all(count > 0 and intent not in module.labels for intent, count in unknown.items())
    kept = sum(map(len, examples.values()))
    assert sum(module.counts["sentences"]["de"].values()) == kept
    assert kept + sum(unknown.values()) == sum(
        len(sentences) for found in module._expand("de").values() for sentences in found.values()
    )


def test_counts_are_filled(module):
    english = everything(module, "en")
    counts = module.counts
    assert counts["sentences"]["en"] == {split: len(examples) for split, examples in english.items()}
    assert counts["intents_covered"]["en"] == len(module.labels)
    assert counts["sentences_of_two_intents"]["en"] > 0
    assert counts["templates_not_expandable"]["en"]["{message}"] > 0


def test_one_sentence_in_ten_of_a_training_template_is_held_out(module):
    english = everything(module, "en")
    trained, held = (Counter(e.group for e in english[split]) for split in ("train", "test_seen"))
    assert all(held[name] == (trained[name] + held[name]) // 10 for name in trained)


def test_the_split_seed_decides_on_the_data():
    arguments = {"languages": ["zh-CN"], "draws": 3, **WHOLE}
    first, again, other = (HomeAssistantIntents(split_seed=seed, **arguments) for seed in (1, 1, 2))
    for language in ("en", "zh-CN"):
        data, same, another = (everything(one, language) for one in (first, again, other))
        assert data == same
        assert {e.group for e in data["test"]} != {e.group for e in another["test"]}
        sentences = [{e.text for examples in own.values() for e in examples} for own in (data, another)]
        assert sentences[0] != sentences[1]  # the expansion itself, not its split alone


def test_caps_hold_and_are_spread_over_intents(module):
    capped = HomeAssistantIntents(
        languages=["de"], draws=20, max_test_examples=50, max_dev_examples=30, max_train_examples_per_intent=7
    )
    sizes = {split: len(capped.read(split, "en")) for split in SPLITS}
    assert (sizes["test"], sizes["dev"], sizes["test_seen"]) == (50, 30, 50)
    per_intent = Counter(e.label for e in capped.read("train", "en"))
    assert set(per_intent.values()) == {7}
    tested = Counter(e.label for e in capped.read("test", "en"))
    assert len(tested) == len(capped.labels) and max(tested.values()) - min(tested.values()) <= 1
    assert set(capped.read("test", "en")) < set(module.read("test", "en"))


def test_spread_takes_labels_in_turns_and_within_a_label_templates():
    def own(label: int, **sizes: int) -> list[Example]:
        return [Example(f"{g}/{n}", "en", "x", label, group=g) for g, size in sizes.items() for n in range(size)]

    by_label = {0: own(0, a=5, b=1, c=3), 1: own(1, d=9), 2: own(2, e=1)}
    chosen = spread(by_label, total=9)
    assert Counter(e.label for e in chosen) == {0: 4, 1: 4, 2: 1}
    assert [e.id for e in chosen if e.label == 0] == ["a/0", "b/0", "c/0", "a/1"]
    assert Counter(e.label for e in spread(by_label, each=2)) == {0: 2, 1: 2, 2: 1}
    assert len(spread(by_label)) == 19


def test_targets_are_the_languages_that_cover_enough_intents():
    module = HomeAssistantIntents(min_intents=23, draws=10, target_draws=3)
    assert module.targets and "en" not in module.targets
    for language in module.targets[:2]:
        module.read("test", language)
        assert module.counts["intents_covered"][language] >= 23
    assert len(module.targets) < len(available_languages()) - 1
    assert len(HomeAssistantIntents(min_intents=10**3, draws=10).targets) == 0


def test_intents_that_a_language_lists_but_that_cannot_be_expanded_do_not_count(monkeypatch):
    module = HomeAssistantIntents(min_intents=23, draws=10)
    templates = module._templates
    monkeypatch.setattr(module, "_templates", lambda language: {} if language == "de" else templates(language))
    assert "de" not in module.targets and "el" in module.targets


def test_splits_and_targets(module):
    assert module.targets == ["de", "zh-CN"]
    assert module.splits() == {
        "dev": ["en"], "test": ["en", "de", "zh-CN"], "test_seen": ["en"]
    }  # fmt: skip
    everywhere = HomeAssistantIntents(languages=["de"], validate_targets=2).splits()
    assert everywhere["dev"] == everywhere["test"] == ["en", "de"]


def test_slots_are_named_in_the_language():
    german, english, chinese = (slot_names(language) for language in ("de", "en", "zh-CN"))
    assert "Wohnzimmer" in german["area"] and "living room" in english["area"]
    assert all(len(names[slot]) == len(english[slot]) for names in (german, chinese) for slot in english)
    assert all(name == name.lower() for names in english.values() for name in names)
    assert not re.search("[a-z]", "".join(chinese["area"]))


def test_arguments_are_checked():
    with pytest.raises(ValueError, match=r"Expected argument `languages` .* but got \['xx'\]; it has .*de"):
        HomeAssistantIntents(languages=["de", "xx"])
    for name in ("min_intents", "draws", "target_draws", "max_test_examples"):
        with pytest.raises(ValueError, match=f"`{name}` to be at least 1, but got 0"):
            HomeAssistantIntents(**{name: 0})


def test_a_missing_package_is_named_with_its_remedy(monkeypatch, fresh_lookup):
    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", nothing)
    message = r"the package home-assistant-intents: pip install 'xltrobust\[offline\]'"
    with pytest.raises(ModuleNotFoundError, match=message):
        HomeAssistantIntents(languages=["de"])


def test_other_tasks_work_without_the_template_parser(monkeypatch):
    monkeypatch.setitem(sys.modules, "hassil", None)
    monkeypatch.delitem(sys.modules, "xltrobust.datamodules.tasks.templates", raising=False)
    spec = importlib.util.spec_from_file_location("without_hassil", home_assistant.__file__)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_a_damaged_file_of_a_package_is_named_with_its_remedy(monkeypatch, tmp_path):
    (path := tmp_path / "de.json").write_text('{"intents": {"HassTurn')
    found = {"home_assistant_intents/data/de.json": path}
    monkeypatch.setattr(home_assistant_files, "package_files", lambda package: found)
    remedy = r"de\.json: damaged \(.+\); pip install --force-reinstall home-assistant-intents==[0-9.]+$"
    with pytest.raises(UserError, match=remedy):
        home_assistant_files.intents_file("de")

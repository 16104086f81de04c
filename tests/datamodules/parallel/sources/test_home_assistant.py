import importlib.metadata
import json
import re

import pytest

pytest.importorskip("hass_frontend")

from xltrobust.datamodules import home_assistant_files  # noqa: E402
from xltrobust.datamodules.home_assistant_files import interface_languages, interface_strings  # noqa: E402
from xltrobust.datamodules.parallel.sources.base import SentencePair  # noqa: E402
from xltrobust.datamodules.parallel.sources.home_assistant import HomeAssistantTranslations  # noqa: E402
from xltrobust.errors import MissingPackage  # noqa: E402

LIVING_ROOM = "ui.panel.page-demo.config.sections.titles.living_room"


def refused(message: str, kind=ValueError, **kwargs) -> None:
    with pytest.raises(kind, match=re.escape(message)) as error:
        HomeAssistantTranslations(**kwargs)
    assert "\n" not in str(error.value)


def test_pairs_keep_the_tasks_codes_and_come_by_language():
    bitext = HomeAssistantTranslations(languages=["zh-CN", "de", "nl", "zh-CN"])
    pairs = list(bitext)
    assert list(dict.fromkeys(pair[2:] for pair in pairs)) == [("en", "zh-CN"), ("en", "de"), ("en", "nl")]
    for language, text in {"zh-CN": "客厅", "de": "Wohnzimmer", "nl": "Woonkamer"}.items():
        assert SentencePair("Living room", text, "en", language) in pairs
        assert sum(pair.target_language == language for pair in pairs) > 3_000
    assert bitext.languages == ["zh-CN", "de", "nl"] and pairs == list(bitext)


def test_pairs_come_by_key_and_only_plain_text_does():
    english, german = interface_strings("en"), interface_strings("de")
    pairs = list(HomeAssistantTranslations(languages=["de"]))
    keys = [key for key in sorted(english) if key in german and not set("{}<>") & set(english[key] + german[key])]
    expected = [(english[key].replace("''", "'"), german[key].replace("''", "'")) for key in keys]
    assert [pair[:2] for pair in pairs] == expected
    assert any("{" in text for text in english.values())  # or else nothing would have been left out
    # What is not translated, and what comes twice, is for others to clean and count.
    assert any(pair.source == pair.target for pair in pairs) and len(set(pairs)) < len(pairs)


def test_unresolved_references_and_doubled_apostrophes():
    italian = interface_strings("it")
    assert any(text.startswith("[%key:") for text in italian.values())
    assert any("''" in text for text in italian.values())
    pairs = list(HomeAssistantTranslations(languages=["it", "ja"]))
    assert not any(mark in pair.target for pair in pairs for mark in ("[%", "''", "{", "}", "<"))
    assert any("[" in pair.target for pair in pairs)  # brackets alone are text


def test_any_language_may_be_the_pivot():
    pairs = list(HomeAssistantTranslations(languages=["en", "fr"], pivot="de"))
    assert SentencePair("Wohnzimmer", "Living room", "de", "en") in pairs
    assert SentencePair("Wohnzimmer", "Salon", "de", "fr") in pairs


def test_none_takes_all_languages_but_the_pivot_and_its_variants():
    languages = HomeAssistantTranslations().languages
    assert {"de", "sw", "zh-Hans", "zh-Hant"} - set(languages) == {"sw"}  # there is no Swahili
    assert set(interface_languages()) - set(languages) == {"en", "en-GB"}
    assert len(languages) > 50
    assert "en-GB" in HomeAssistantTranslations(pivot="de").languages
    own = {pair.target_language for pair in HomeAssistantTranslations()}
    assert own == set(languages)


def test_other_spellings():
    spelt = HomeAssistantTranslations(languages=["deu", "zh", "zh-TW"])
    room = interface_strings("zh-Hant")[LIVING_ROOM]
    assert SentencePair("Living room", "Wohnzimmer", "en", "deu") in spelt
    assert SentencePair("Living room", "客厅", "en", "zh") in spelt
    assert SentencePair("Living room", room, "en", "zh-TW") in spelt and room != "客厅"


def test_languages_that_are_not_there():
    listed = ", ".join(interface_languages())
    refused(f"to name a language of home-assistant-frontend ({listed}), but got 'sw'.", languages=["de", "sw"])
    refused("Expected argument `pivot` to name", languages=["de"], pivot="xx")
    for languages in ([], ["de", "en"], ["eng"]):
        refused(f"`languages` to name languages other than 'en', but got {languages}.", languages=languages)


def test_provenance_and_stamp():
    bitext = HomeAssistantTranslations(languages=["zh-CN", "de"])
    version = importlib.metadata.version("home-assistant-frontend")
    assert json.loads(json.dumps(bitext.provenance())) == {
        "source": "home-assistant-frontend",
        "version": version,
        "licence": "Apache-2.0",
        "languages": ["en", "zh-CN", "de"],
    }
    others = [HomeAssistantTranslations(languages=["de", "zh-CN"]), HomeAssistantTranslations(languages=["zh-CN"])]
    pivoted = HomeAssistantTranslations(languages=["zh-CN", "de"], pivot="fr")
    assert len({repr(one.stamp()) for one in (bitext, *others, pivoted)}) == 4
    assert version in repr(bitext.stamp())
    assert bitext.stamp() == HomeAssistantTranslations(languages=["zh-CN", "de"]).stamp()


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", nothing)
    home_assistant_files.package_files.cache_clear()
    message = "Home Assistant's texts need the package home-assistant-frontend: pip install 'xltrobust[offline]'"
    try:
        refused(message, MissingPackage, languages=["de"])
    finally:
        home_assistant_files.package_files.cache_clear()

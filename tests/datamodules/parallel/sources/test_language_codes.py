from xltrobust.datamodules.parallel.sources.language_codes import candidates, spelled_as


def test_codes_mean_a_language_in_any_spelling():
    codes = ["deu", "eng", "eng-GB", "zho-CN", "zho-TW", "x!", "swh"]
    for wanted, code in {"de": "deu", "en": "eng", "zh_TW": "zho-TW", "zho-CN": "zho-CN", "sw": "swh"}.items():
        assert spelled_as(wanted, codes, "f") == code
    assert candidates("zh", codes) == ["zho-CN", "zho-TW"]
    assert candidates("fr", codes) == candidates("!", codes) == []

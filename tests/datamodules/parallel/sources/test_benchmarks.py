import pytest
from datamodules.bitexts import refused, write

from xltrobust.datamodules.parallel.sources.base import SentencePair
from xltrobust.datamodules.parallel.sources.benchmarks import NTREXPairs, TatoebaPairs


@pytest.fixture
def tatoeba(tmp_path):
    for code, lines in {"deu": ["Hallo", "Ja"], "cmn": ["你好", "是"], "swh": ["Habari", "Ndiyo"]}.items():
        write(tmp_path / f"tatoeba.{code}-eng.{code}", "\n".join(lines) + "\n")
        write(tmp_path / f"tatoeba.{code}-eng.eng", f"Hello ({code})\nYes\n")
    return tmp_path


def test_tatoeba_begins_with_english_and_keeps_the_users_spelling(tatoeba):
    bitext = TatoebaPairs(data_dir=str(tatoeba), languages=["zh", "deu", "zh"], pivot="en")
    assert list(bitext) == [
        SentencePair("Hello (cmn)", "你好", "en", "zh"),
        SentencePair("Yes", "是", "en", "zh"),
        SentencePair("Hello (deu)", "Hallo", "en", "deu"),
        SentencePair("Yes", "Ja", "en", "deu"),
    ]
    about = bitext.provenance()
    assert (about["licence"], about["languages"]) == ("CC BY 2.0 FR", ["en", "zh", "deu"])
    assert about["files"][str(tatoeba / "tatoeba.deu-eng.deu")] == 9 and len(about["files"]) == 4
    everything = TatoebaPairs(data_dir=str(tatoeba))
    assert [pair[2:] for pair in everything][::2] == [("eng", "cmn"), ("eng", "deu"), ("eng", "swh")]
    assert everything.stamp() != bitext.stamp()


def test_tatoeba_that_is_bad(tatoeba):
    def read(**kwargs):
        return list(TatoebaPairs(data_dir=str(tatoeba), **kwargs))

    refused(lambda: read(languages=["de", "fr"]), f"language of {tatoeba} (cmn, deu, swh), but got 'fr'.")
    refused(
        lambda: read(languages=["de"], pivot="sw"), "`pivot` to be English in some spelling, but got 'sw'", ValueError
    )
    refused(lambda: read(languages=["eng"]), "`languages` to name languages other than 'eng'", ValueError)
    refused(lambda: read(languages=[]), "but got [].", ValueError)
    refused(lambda: read(languages=["d e"]), "Expected argument `languages` to name languages by codes", ValueError)
    (tatoeba / "tatoeba.deu-eng.deu").unlink()
    bitext = TatoebaPairs(data_dir=str(tatoeba), languages=["de"])
    for attempt in (bitext.stamp, lambda: list(bitext)):
        refused(attempt, f"{tatoeba / 'tatoeba.deu-eng.deu'}: no such file")
    write(tatoeba / "tatoeba.swh-eng.swh", "Habari\n")
    refused(lambda: read(languages=["sw"]), "tatoeba.swh-eng.eng has 2 lines, but ")
    write(tatoeba / "tatoeba.cmn-eng.cmn", "你好\n是\n".encode("gbk"))
    refused(lambda: read(languages=["zh"]), f"{tatoeba / 'tatoeba.cmn-eng.cmn'}:1: not UTF-8")
    nowhere = TatoebaPairs(data_dir=str(tatoeba / "absent"), languages=["de"])
    for attempt in (nowhere.stamp, lambda: list(nowhere)):
        refused(attempt, f"{tatoeba / 'absent'}: there is no tatoeba.*-eng.eng; check data_dir")


@pytest.fixture
def ntrex(tmp_path):
    write(tmp_path / "newstest2019-src.eng.txt", "Hello\nYes\n")
    for code in ("deu", "eng-GB", "zho-CN", "zho-TW"):
        write(tmp_path / f"newstest2019-ref.{code}.txt", f"Hello in {code}\nYes in {code}\n")
    return tmp_path


def test_ntrex_takes_any_pivot(ntrex):
    english = NTREXPairs(data_dir=str(ntrex), languages=["de", "zh-CN"])
    assert list(english)[::2] == [
        SentencePair("Hello", "Hello in deu", "en", "de"),
        SentencePair("Hello", "Hello in zho-CN", "en", "zh-CN"),
    ]
    german = NTREXPairs(data_dir=str(ntrex), languages=["en", "zho-TW"], pivot="de")
    assert list(german)[1::2] == [
        SentencePair("Yes in deu", "Yes", "de", "en"),
        SentencePair("Yes in deu", "Yes in zho-TW", "de", "zho-TW"),
    ]
    about = german.provenance()
    assert (about["licence"], about["languages"]) == ("CC BY-SA 4.0", ["de", "en", "zho-TW"])
    assert set(about["files"]) == {
        str(path) for path in ntrex.iterdir() if "GB" not in path.name and "CN" not in path.name
    }
    assert german.stamp() != english.stamp()
    everything = NTREXPairs(data_dir=str(ntrex), pivot="deu")
    assert [pair.target_language for pair in everything][::2] == ["eng", "eng-GB", "zho-CN", "zho-TW"]


def test_ntrex_that_is_bad(ntrex):
    def read(**kwargs):
        return list(NTREXPairs(data_dir=str(ntrex), **kwargs))

    refused(lambda: read(languages=["zh"]), f"{ntrex}: 'zh' in argument `languages` could be zho-CN or zho-TW;")
    refused(lambda: read(languages=["fr"]), f"language of {ntrex} (deu, eng, eng-GB, zho-CN, zho-TW), but got 'fr'.")
    refused(lambda: read(languages=["de"], pivot="fr"), "Expected argument `pivot` to name")
    refused(lambda: read(languages=["de"], pivot="deu"), f"{ntrex}: 'de' is the pivot 'deu' itself")
    refused(lambda: read(languages=["de"], pivot="de"), "languages other than 'de', but got ['de'].", ValueError)
    write(ntrex / "newstest2019-ref.deu.txt", "Hallo\nJa\nNein\n")
    source, target = ntrex / "newstest2019-src.eng.txt", ntrex / "newstest2019-ref.deu.txt"
    refused(lambda: read(languages=["de"]), f"{source} has 2 lines, but {target} has 3;")
    source.unlink()
    bitext = NTREXPairs(data_dir=str(ntrex), languages=["de"])
    for attempt in (bitext.stamp, lambda: list(bitext)):
        refused(attempt, f"{ntrex}: there is no newstest2019-src.*.txt; check data_dir")

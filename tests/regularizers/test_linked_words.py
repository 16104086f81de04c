"""Words of a text are exchanged for what is linked to them in the text's own translations, whose rows are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xltrobust.datamodules import LocalClassification, PairTable, ParallelCorpus
from xltrobust.datamodules.draw import Draw
from xltrobust.datamodules.parallel.words.aligner import Links, WordAligner
from xltrobust.errors import UserError
from xltrobust.example import Example
from xltrobust.regularizers import CodeSwitching

TEXT = "Don't turn the light off now"
PAIRS = [
    (TEXT, "Schalte das Licht jetzt nicht aus", "de"),
    (TEXT, "别 关 灯", "zh"),
    ("a tree", "un arbre", "fr"),
]
LINKS = {"Schalte": "0-4 1-4 2-0 2-5 3-1 4-1 4-2 6-3", "别": "2-1 4-2", "un": "0-0 1-1"}


class ByHand(WordAligner):
    """Links that are written down."""

    def align(self, sources: Any, targets: Any) -> list[Links]:
        lines = [LINKS[target.split()[0]].split() for target in targets]
        return [[(int(one[0]), int(one[2])) for one in line] for line in lines]

    def settings(self) -> dict[str, Any]:
        return {"aligner": "by hand"}


@pytest.fixture
def data(tmp_path: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> LocalClassification:
    monkeypatch.setenv("XLTROBUST_CACHE", str(tmp_path / "cache"))
    for split, texts in {"train": [TEXT, "a tree", "no pair"], "dev": ["x u", "y v"], "test": ["z w"]}.items():
        rows = [f"{text}\t{'yn'[number % 2]}\n" for number, text in enumerate(texts)]
        (tmp_path / f"en-{split}.tsv").write_text("text\tlabel\n" + "".join(rows), encoding="utf8")
    rows = ["\t".join(pair) + "\n" for pair in PAIRS]
    (tmp_path / "pairs.tsv").write_text("source\ttarget\tlanguage\n" + "".join(rows), encoding="utf8")
    table = PairTable(path=str(tmp_path / "pairs.tsv"), source_language="en", target_language_column="language")
    paths = {split: f"{{language}}-{split}.tsv" for split in ("train", "dev", "test")}
    return LocalClassification(
        data_dir=str(tmp_path), source="en", languages=[], **paths, tokenizer=str(tiny_encoder),
        parallel=ParallelCorpus(bitexts=[table], held_out=0, aligner=ByHand()),
    )  # fmt: skip


def switched(
    data: LocalClassification, draws: int = 60, text: str = TEXT, **options: Any
) -> tuple[set[str], list[Draw]]:
    own = CodeSwitching(translations="links", **options)
    own.prepare(data)
    drawn = [Draw(seed, turn=seed) for seed in range(draws)]
    return {own.switched(Example("0", "en", text, 0), draw).text for draw in drawn}, drawn


def test_words_become_what_is_linked_to_them_and_fragments_stay(data: LocalClassification) -> None:
    german, draws = switched(data, languages=["deu"], words=1.0)
    # Linked words that follow each other are joined, of others the first is taken; "off" has no link.
    assert german == {"Don't Schalte das das Licht off jetzt"}
    (row,) = data.translations.rows(TEXT)["de"]
    assert all(draw.visited == [row] for draw in draws)
    assert data.counts["words_with_translation"] == {"de": pytest.approx(4 / 11, abs=1e-4)}
    assert data.counts["words_switched"]["code_switching"] == pytest.approx(4 / 11, abs=1e-4)


def test_a_language_is_drawn_for_each_word_or_one_for_the_text(data: LocalClassification) -> None:
    mixed, draws = switched(data, words=1.0)
    turned = {text.split()[1] for text in mixed}
    assert turned == {"Schalte", "关"} and any("das" in text and "灯" in text for text in mixed)
    # "the" has a link in German alone: where Chinese is drawn, it stays, unless the language is drawn anew.
    assert {text.split()[2] for text in mixed} == {"the", "das"}
    assert {text.split()[2] for text in switched(data, words=1.0, lacking="redraw")[0]} == {"das"}
    rows = {row for own in data.translations.rows(TEXT).values() for row in own}
    assert {row for draw in draws for row in draw.visited} == rows
    whole, draws = switched(data, words=1.0, language="sentence")
    assert whole == {"Don't Schalte das das Licht off jetzt", "Don't 关 the 灯 off now"}
    assert {len(draw.visited) for draw in draws} == {1}
    half, draws = switched(data, words=1.0, language="sentence", sentences=0.5)
    assert half == whole | {TEXT} and 15 < sum(map(len, (draw.visited for draw in draws))) < 45


def test_a_cycle_visits_each_translation_once_in_a_round(data: LocalClassification) -> None:
    _, draws = switched(data, 6, language="sentence", draw="cycle", words=0.0)
    rows = sorted(row for own in data.translations.rows(TEXT).values() for row in own)
    assert all(sorted(draws[at].visited + draws[at + 1].visited) == rows for at in (0, 2, 4))


def test_lexicons_take_one_language_a_text_too(tmp_path: Path, data: LocalClassification) -> None:
    for language, new in (("de", "neu"), ("fr", "nouveau")):
        (tmp_path / f"{language}.txt").write_text(f"turn {new}\nlight {new}\n", encoding="utf8")
    lexicons = {f"en-{language}": str(tmp_path / f"{language}.txt") for language in ("de", "fr")}
    for order in ("random", "cycle"):
        own = CodeSwitching(lexicons=lexicons, language="sentence", draw=order, words=1.0)  # type: ignore[arg-type]
        own.prepare(data)
        texts = [own.switched(Example("0", "en", TEXT, 0), Draw(turn, turn=turn)).text for turn in range(20)]
        assert {text.count("neu") for text in texts} == {0, 2} == {text.count("nouveau") for text in texts}
    assert all(texts[at] != texts[at + 1] for at in range(0, 20, 2))


def test_a_text_without_a_translation_stays_and_what_does_not_go_together_is_refused(data: LocalClassification) -> None:
    texts, draws = switched(data, 5, "no pair", words=1.0)
    assert texts == {"no pair"} and not any(draw.visited for draw in draws)
    for options, message in (
        ({"lexicons": {}}, "`lexicons` to be None"),
        ({"language": "sentence", "lacking": "redraw"}, "`lacking` to be 'leave'"),
        ({"draw": "cycle"}, "`draw` to be 'random'"),
        ({"language": "text"}, "`language` to be 'word' or 'sentence', but got 'text'"),
    ):
        with pytest.raises(ValueError, match=message):
            CodeSwitching(translations="links", **options)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="have translations, de, zh, fr, but got 'pl'"):
        switched(data, languages=["pl"])

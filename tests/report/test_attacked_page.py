"""The page of attacked texts: all texts are in it, none of them is markup, and it filters in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest
from report_runs import rewrite, write_run

from xltrobust.report import build_report, write_report
from xltrobust.report.attacked_page import _edit, write_attacked_page

HOSTILE = [
    "</script><img src=x onerror=\"document.title='broken in'\">", "<!--<script>", "]]>&amp;\u2028\u2029'\"`",
    "{{data}} {{title}} \\u003c",
]  # fmt: skip
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
NODE = shutil.which("node")


class Tags(HTMLParser):
    """The tags of a page, and the texts of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, text: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts[-1] += text


def hostile_run(folder: Path) -> Path:
    """A run in which everything that comes from outside tries to be markup."""
    evil = HOSTILE[0]
    write_run(folder, name=evil, attacks=(evil, "plain"), labels=[evil, "on"], figures={}, data={})
    texts = {str(10 + at): text for at, text in enumerate(HOSTILE)}

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        adversarial = rows["id"].map(texts).where(rows["attack"].notna())
        return rows.assign(language=rows["language"].replace("de", evil), adversarial_text=adversarial)

    rewrite(folder, change)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = write_report([hostile_run(tmp_path_factory.mktemp("runs") / "evil")])
    assert paths.pages == [paths.markdown.parent / "attacked.html"]
    assert "(attacked.html)" in paths.markdown.read_text(encoding="utf8")
    return paths.pages[0]


def read(page: Path) -> dict:
    return json.loads(Tags(page.read_text(encoding="utf8")).scripts[0])


def test_nothing_from_outside_is_markup(page: Path, tmp_path: Path) -> None:
    harmless = write_report([write_run(tmp_path / "run")]).pages[0]
    found, expected = (Tags(own.read_text(encoding="utf8")) for own in (page, harmless))
    assert found.tags[4:] == expected.tags[4:] and len(found.scripts) == 2  # the same page, but for the data
    for _, attributes in found.tags:
        assert not {"src", "href"} & attributes.keys() and not any(name.startswith("on") for name in attributes)
    data = read(page)
    assert data["runs"] == [HOSTILE[0]] and HOSTILE[0] in data["attacks"] + data["languages"] + data["labels"]
    source = page.read_text(encoding="utf8")
    assert "<img" not in source and "\u202e" not in source and source.count("</script>") == 2


def test_invisible_characters_are_shown(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", attacks=("typos",))
    rewrite(folder, lambda rows: rows.assign(text="a\u202eb\x00c", adversarial_text=rows["adversarial_text"].str[:0]))
    assert read(write_report([folder]).pages[0])["examples"][0][4] == ["a⟨U+202E⟩b⟨U+0000⟩c"]


def undone(original: str, edit: list | None) -> str:
    """The attacked text again, counted as JavaScript does."""
    if edit is None:
        return original
    units = original.encode("utf-16-le")
    return (units[: 2 * edit[0]] + edit[2].encode("utf-16-le") + units[len(units) - 2 * edit[1] :]).decode("utf-16-le")


def test_every_attacked_text_is_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ab 😀é"), size=6)) for _ in range(40)]
    folder = write_run(tmp_path / "run", attacks=("typos", "words"))
    rewrite(folder, lambda rows: rows.assign(
        text=[texts[int(name)] for name in rows["id"]], text_pair="a pair",
        adversarial_text=[texts[-1 - int(name)] for name in rows["id"]],
    ).assign(adversarial_text=lambda own: own["adversarial_text"].where(own["attack"].notna())))  # fmt: skip
    rows = pd.read_parquet(folder / "predictions.parquet")
    expected = [
        (row.language, row.id, row.attack, row.prediction != row.label, row.text, row.adversarial_text)
        for row in rows[rows["attack"].notna()].itertuples()
    ]
    data = read(write_report([folder]).pages[0])
    found = []
    for example, attack, answer, broken, edits in data["rows"]:
        _, language, name, label, (text, pair) = data["examples"][example]
        assert edits[1] is None and pair == "a pair" and (data["labels"][label] != data["labels"][answer]) == broken
        attacked = undone(text, edits[0])
        found.append((data["languages"][language], name, data["attacks"][attack], bool(broken), text, attacked))
    assert found == expected and len(found) == 120
    assert undone("a😀b", json.loads(json.dumps(_edit("a😀b", "a😁😀b")))) == "a😁😀b"


def test_a_full_page_has_some_of_everything_and_says_what_it_left_out(tmp_path: Path) -> None:
    report = build_report([write_run(tmp_path / "run")])
    write_attacked_page(report, tmp_path / "page.html", most_bytes=1500)
    page = (tmp_path / "page.html").read_text(encoding="utf8")
    data = read(tmp_path / "page.html")
    shown = len(data["rows"])
    assert f"{60 - shown} of 60 attacked texts are left out, evenly over" in page and 9 <= shown < 60
    groups = {(data["examples"][example][1], attack, broken) for example, attack, _, broken, _ in data["rows"]}
    assert len(groups) == 9  # three languages, typos that broke, words that broke and that held
    assert len(json.dumps(data["rows"] + data["examples"], separators=(",", ":"))) <= 1600


def test_runs_that_were_not_attacked_have_no_page(tmp_path: Path) -> None:
    paths = write_report([write_run(tmp_path / "run", attacks=())])
    assert paths.pages == [] and not (paths.markdown.parent / "attacked.html").exists()
    assert "attacked.html" not in paths.markdown.read_text(encoding="utf8")


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_the_script_filters_and_marks(page: Path, tmp_path: Path) -> None:
    script = Tags(page.read_text(encoding="utf8")).scripts[1]
    asked = """
    const data = {runs: ["r"], languages: ["en", "de"], attacks: ["a", "b"], labels: ["Off", "On"],
      examples: [[0, 0, "en/1", 0, ["turn on the light", "x"]], [0, 1, "de/1", 1, ["开灯"]]],
      rows: [[0, 0, 1, 1, [[3, 13, "m"], null]], [0, 1, 0, 0, [null, [0, 0, "yy"]]], [1, 1, 0, 1, [[0, 1, "关"]]]]};
    const of = choice => data.rows.map((row, i) => wanted(data, row, choice) ? i : -1).filter(i => i >= 0);
    const choices = [{}, {language: "1"}, {attack: "1"}, {outcome: "broken"}, {outcome: "held", language: "0"},
      {search: "TURM"}, {search: "关灯"}, {search: "de/1"}, {search: "off"}, {run: "0", search: "nowhere"}];
    console.log(JSON.stringify([choices.map(of), changes("turn on the light", "turm on a the light"),
      changes("开灯", "关灯"), changes("", "x")]));
    """
    (tmp_path / "page.js").write_text(script + asked, encoding="utf8")
    said = subprocess.run([str(NODE), tmp_path / "page.js"], capture_output=True, check=True, text=True, timeout=60)
    filtered, words, characters, grown = json.loads(said.stdout)
    assert filtered == [[0, 1, 2], [2], [1, 2], [0, 2], [1], [0], [2], [2], [0, 1, 2], []]
    assert ["".join(text for text, _ in side) for side in words] == ["turn on the light", "turm on a the light"]
    assert [[text for text, changed in side if changed] for side in words] == [["turn"], ["turm", "a "]]
    assert characters == [[["开", True], ["灯", False]], [["关", True], ["灯", False]]]
    assert grown == [[], [["x", True]]]


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_in_a_browser(page: Path, tmp_path: Path) -> None:
    def opened(page: Path, **choice: str) -> str:
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}",
            "--virtual-time-budget=5000", "--dump-dom", f"{page.as_uri()}#{urlencode(choice)}",
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout

    whole = opened(page)
    assert "24 of 24, " in whole and "<title>Attacked texts: " in whole and "broken in</title>" not in whole
    assert not re.search("<img|<td[^>]* on", whole) and whole.count("<script") == 2
    some = opened(page, language=HOSTILE[0], outcome="broken", attack="plain")
    count = re.search(r"(\d+) of 24, (\d+) broken", some)
    rows = [row for row in re.findall("<tr class.*?</tr>", some)]
    assert count and len(rows) == int(count[1]) == int(count[2]) > 0
    assert all(">plain<" in row and ">broken<" in row and "&lt;img" in row and "<mark>" in row for row in rows)

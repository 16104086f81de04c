"""The page of a study in a real browser: nothing wider than the screen, sorting, searching, texts that stay texts."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_studies import EVIL_NAME

from xltrobust.report.blocks import Block, Code, Examples, Facts, Heading, Prose
from xltrobust.report.examples import AttackedExample
from xltrobust.report.page.html import to_html
from xltrobust.report.tables.base import Table

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# What a user does, said to the page around it. A page's own policy lets no script in but its own, so it is taken out.
ASKED = """<script>
const rows = () => [...document.querySelectorAll("tbody tr")].filter(row => !row.hidden);
const column = at => rows().map(row => row.cells[at].textContent);
const headers = document.querySelectorAll("thead button");
const said = {width: innerWidth, wide: document.documentElement.scrollWidth};
headers[1].click(); said.up = column(1); headers[1].click(); said.down = column(1);
said.sorted = headers[1].parentElement.ariaSort;
const search = document.querySelector("input"); search.value = "ROW +2"; search.dispatchEvent(new Event("input"));
said.found = column(0); said.count = document.querySelector("output").textContent; said.title = document.title;
said.right = getComputedStyle(document.querySelector("ins").parentElement).direction;
parent.postMessage(JSON.stringify(said), "*");
</script></body>"""
HARNESS = """<!doctype html><title>harness</title>{frames}<script>
addEventListener("message", event => {{
  const said = document.createElement("pre");
  said.textContent = event.data;
  document.body.append(said);
}});
</script>"""


def blocks() -> list[tuple[int, Block]]:
    numbers = ["−10.5 [−12.0, +3.0]", "+2.0", "1,000", "", "<0.001", "30", "4", "5", "6", "7", "8"]
    rows = [[f"row {at}", number, "a-name-that-has-no-place-to-break-" * 6] for at, number in enumerate(numbers)]
    example = AttackedExample("ar", EVIL_NAME, "on", EVIL_NAME, [("مرحبا بالعالم كله", "مرحبا باللعالم كله")])
    return [
        (1, Heading(EVIL_NAME)), (2, Heading(EVIL_NAME)), (2, Prose("`code` ", EVIL_NAME + "x" * 300)),
        (2, Table("Figures", [("name", ""), ("figure", "points"), ("text", "")], rows)),  # type: ignore[arg-type]
        (3, Examples([example])), (3, Facts({"commit": "f" * 200})), (3, Code("a long command " * 40, "bash")),
    ]  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_it_fits_sorts_and_searches(tmp_path: Path) -> None:
    pytest.importorskip("markdown_it")
    page = to_html(blocks())
    assert len(re.findall("<meta http-equiv=.Content-Security-Policy.*?>", page)) == 1
    opened = re.sub("<meta http-equiv=.Content-Security-Policy.*?>", "", page).replace("</body>", ASKED)
    (tmp_path / "page.html").write_text(opened, encoding="utf8")
    frames = "".join(f'<iframe src="page.html" width="{width}" height="800"></iframe>' for width in (1280, 390))
    (tmp_path / "harness.html").write_text(HARNESS.format(frames=frames), encoding="utf8")
    dom = _opened(tmp_path / "harness.html", tmp_path)
    answers = [json.loads(html.unescape(text))
               for text in re.findall("<pre>(.*?)</pre>", dom)]  # fmt: skip
    assert sorted(own["width"] for own in answers) == [390, 1280]
    for own in answers:
        assert own["wide"] <= own["width"]
        filled = ["−10.5 [−12.0, +3.0]", "<0.001", "+2.0", "4", "5", "6", "7", "8", "30", "1,000"]
        assert own["up"][:11] == [*filled, ""] and own["down"][:11] == [*filled[::-1], ""]  # empty cells stay last
        assert own["sorted"] == "descending" and own["right"] == "rtl"
        assert own["found"][:1] == ["row 1"] and own["count"] == "1 of 11 rows"
        assert own["title"].startswith("<script>document.title=")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_its_policy_lets_its_own_script_run(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(to_html(blocks()), encoding="utf8")
    dom = _opened(tmp_path / "page.html", tmp_path)
    assert re.search(r'<p class="search">', dom) and "broken in</title>" not in dom  # the script has shown the search


def _opened(page: Path, folder: Path) -> str:
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}",
        "--window-size=1800,900", "--virtual-time-budget=5000", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout

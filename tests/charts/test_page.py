"""The page in headless Chromium, and what of it needs none."""

from __future__ import annotations

import gzip
import os
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest

import memstat
from memstat.charts.chart import Heading, Overlay
from memstat.charts.gathering import _about_s, gather
from memstat.charts.library import making_vega, vega
from memstat.charts.page import page
from memstat.errors import ReportError
from memstat.mappings import MappingGroup, MappingKind, Mappings
from tests.charts.browser import CHROMIUM, Browser
from tests.charts.made import HEADER, HOSTILE, MIB, chart, snapshots, write_recording

in_browser = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="chromium is not installed"
)

NAMES = {7: "make", 8: "cc1", 9: "cc1", 10: HOSTILE}
TREES = [
    {7: MIB},
    {7: MIB, 8: 5 * MIB},
    {7: MIB, 8: 5 * MIB, 9: 3 * MIB, 10: 2 * MIB + 1024},
    {7: MIB, 9: 3 * MIB},
]
READY = "document.documentElement.dataset.ready"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(
        tmp_path_factory.mktemp("recordings") / "mem.jsonl.gz", snapshots(TREES, names=NAMES)
    )


@pytest.fixture(scope="module")
def address(recording: Path) -> str:
    path = recording.with_name("page.html")
    path.write_bytes(page(gather([str(recording)]), footer="memstat"))
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


def test_the_script_is_made_here_where_no_process_can_make_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with making_vega() as library:
        script = library()
    assert script == vega()
    assert "vegaEmbed" in script


def heading(browser: Browser) -> str:
    return str(browser.evaluate("document.querySelector('#trees h2').textContent"))


def tree(browser: Browser) -> list[list[str]]:
    cells = "[...line.cells].map((cell) => cell.textContent)"
    lines = "[...document.querySelectorAll('#trees tbody tr')]"
    rows = browser.evaluate(f"{lines}.map((line) => {cells})")
    assert isinstance(rows, list)
    return rows


AT_PEAK = [
    ["make", "7", "1.00 MiB", "1.00 MiB", "0 B", "0 B"],
    ["cc1", "8", "5.00 MiB", "5.00 MiB", "0 B", "0 B"],
    ["cc1", "9", "3.00 MiB", "3.00 MiB", "0 B", "0 B"],
    [HOSTILE, "10", "2.00 MiB", "2.00 MiB", "0 B", "0 B"],
]


@in_browser
def test_a_page_shows_its_recording(address: str, recording: Path, browser: Browser) -> None:
    browser.open(address, ready=READY)
    peak = memstat.load(recording).peak
    assert peak is not None
    shown = browser.evaluate("document.querySelector('#trees h2').dataset.bytes")
    assert int(shown) == peak.pss_bytes == 11 * MIB + 1024
    assert heading(browser) == "11.0 MiB at 0.2 s, the peak, 4 processes"
    assert tree(browser) == AT_PEAK

    # A click at another instant, and one at the line of the peak.
    left, top, width, height = browser.evaluate(
        "(() => { const box = document.querySelector('#chart').getBoundingClientRect();"
        " const [x, y] = view.origin();"
        " return [box.left + x, box.top + y, view.width(), view.height()]; })()"
    )
    browser.click(left + width / 2, top + height - 5)
    assert heading(browser) == "6.00 MiB at 0.1 s, 2 processes"
    assert "at=0.1" in browser.evaluate("location.hash")
    value = browser.evaluate("document.querySelector('#value').textContent")
    assert value == "0.1 s  6.00 MiB\ncc1 [8]  5.00 MiB"
    browser.click(left + width * 2 / 3, top + height / 2)
    assert heading(browser) == "11.0 MiB at 0.2 s, the peak, 4 processes"

    browser.wheel(left + width / 2, top + height / 2, -400)
    browser.wait_for("location.hash.includes('from=')")
    browser.evaluate("document.querySelector('#whole').click()")
    assert "from=" not in browser.evaluate("location.hash")

    browser.evaluate("document.querySelector('[value=program]').click()")
    browser.wait_for("document.querySelector('#bands').textContent.includes('cc1 x 2')")
    browser.evaluate("document.querySelector('[value=kind]').click()")
    browser.wait_for("document.querySelector('#bands').textContent === 'sharedfileanonymous'")

    # By a link: the same page, of which only the fragment is another.
    browser.evaluate("location.hash = '#at=0.35&by=process&filter=CC1'")
    browser.wait_for("document.querySelector('#bands').textContent === 'cc1 [9]cc1 [8]'")
    assert heading(browser) == "4.00 MiB at 0.3 s, 2 processes"
    assert browser.evaluate("document.querySelectorAll('tr.left-out').length") == 1

    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    assert browser.requests == [address]
    assert browser.complaints == []


@in_browser
def test_recordings_over_each_other_show_a_tree_each(tmp_path: Path, browser: Browser) -> None:
    charts = [chart(snapshots(TREES)), chart(snapshots([{7: MIB}, {7: 2 * MIB}]))]
    path = tmp_path / "overlay.html"
    path.write_bytes(page(Overlay(Heading("two", [], []), charts), footer=""))
    browser.complaints.clear()
    browser.open(path.as_uri(), ready=READY)
    headings = "[...document.querySelectorAll('#trees h2')].map((one) => one.textContent)"
    assert browser.evaluate(headings) == [
        f"{HOSTILE}: 11.0 MiB at 0.2 s, the peak, 4 processes",
        f"{HOSTILE}: 2.00 MiB at 0.1 s, the peak, 1 process",
    ]
    assert browser.complaints == []


def test_what_others_have_chosen_is_text(address: str) -> None:
    text = Path(address.removeprefix("file://")).read_text()
    assert HOSTILE not in text
    assert text.count("</script>") == 4
    one = page(chart(snapshots(TREES)), footer="").decode()
    assert "<h1>&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;</h1>" in one


def test_what_the_memory_consisted_of_is_below() -> None:
    group = MappingGroup(MappingKind.FILE, HOSTILE, 3 * MIB, MIB, 4 * MIB)
    mappings = Mappings((group,), 0.0, elapsed_s=0.2, processes=2, missing_reason="hidden")
    text = page(chart(snapshots(TREES))._replace(mappings=mappings), footer="").decode()
    (section,) = re.findall('<section class="mappings">.*</section>', text)
    assert "<h2>Its memory at 0.2 s, when it had 3.00 MiB</h2>" in section
    assert '<p class="remark">the total is partial: ' in section
    cells = [HOSTILE, "3072", "1024", "4096", "1", "1"]
    assert "".join(f"<td>{escape(cell)}</td>" for cell in cells) in section


def test_a_browser_may_run_these_scripts_and_ask_for_nothing(address: str) -> None:
    text = Path(address.removeprefix("file://")).read_text()
    match = re.search(r'Policy" content="([^"]*)"', text)
    assert match is not None
    sources = dict(part.strip().split(" ", 1) for part in match[1].split(";"))
    assert sources.pop("default-src") == "'none'"
    assert re.fullmatch(r"('sha256-[\w+/=]+' ?){2}", sources["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/=]+'", sources["style-src"])
    assert not re.search(r"(src|href)=[\"']?(http|//)", text)


def test_hosts_of_a_job_are_stacked_by_their_clocks(tmp_path: Path) -> None:
    paths = []
    for number, began_s in enumerate((100.0, 100.125)):
        host = HEADER.host.__class__(f"node{number}")
        header = HEADER.__class__("0.1.0", began_s, 0.125, host, command=("solver",))
        trees = [{7: MIB * (1 + number)}] * 3
        path = write_recording(
            tmp_path / f"{number}.gz", snapshots(trees, interval_s=0.125), header
        )
        paths.append(str(path))
    made = gather(paths)
    assert made.sources == ["node0", "node1"]
    assert [frame.pss_bytes // MIB for frame in made.course.frames] == [1, 3, 3, 2]


def test_where_nothing_was_measured_there_is_no_chart(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "empty.gz", [])
    with pytest.raises(ReportError, match=r"nothing was measured in .*empty\.gz"):
        gather([str(path)])


@pytest.mark.parametrize("compressed", [True, False])
def test_about_how_long_a_recording_is_stands_at_its_end(
    tmp_path: Path, *, compressed: bool
) -> None:
    path = write_recording(tmp_path / "mem.gz", snapshots([{7: MIB}] * 5))
    if not compressed:
        path.write_bytes(gzip.decompress(path.read_bytes()))
    assert _about_s(str(path)) == 0.4
    path.write_bytes(path.read_bytes()[:-9])  # As a reader sees it that is killed, or too early.
    assert _about_s(str(path)) in (0.3, 0.4)
    assert _about_s("-") is None

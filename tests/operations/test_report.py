"""The report's page, written by the command and looked at in a real browser."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from operations import seed
from operations.conftest import World
from pulumi_zenml.errors import InputError
from pulumi_zenml.operations import Report, ReportRow, ScheduleRow, Scope, render_html, write_html
from pulumi_zenml.operations.findings import AuditResult
from pulumi_zenml.operations.zenml_rows import Run
from testbed.browser import Browser, browser
from testbed.snapshots import ZenmlClient
from testbed.warm import Warm

HOSTILE = (
    "</script><script>window.seized=1</script>",
    "<!--<script>",
    "<img src=x onerror=window.seized=1>",
    "daily-\x1b[31mred\x1b]0;title\x07-\u202eprod\u2028\n]]>",
    "%%script%%",
)
MISSING = (3, 30, 31)
FAILED = (10, 60)


class Seeds(Protocol):
    """A function that fills the world."""

    __name__: str

    def __call__(self, world: World) -> None: ...


class Pages(Protocol):
    """Writes the page of what a function seeds."""

    def __call__(self, seeds: Seeds, *words: str) -> Path: ...


@pytest.fixture(scope="module")
def page(
    operations_client: ZenmlClient,
    warm: Warm,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pages]:
    """Writes the page of what a function seeds, once; everything is removed again at once."""
    folder = tmp_path_factory.mktemp("pages")
    written: dict[str, Path] = {}

    def write(seeds: Seeds, *words: str) -> Path:
        name = seeds.__name__
        if name not in written:
            root = Path(operations_client.env["ROOT"])
            made = World(operations_client, root, folder, warm)
            path = folder / f"{name}.html"
            try:
                seeds(made)
                said = made.run("report", "--html", str(path), *words)
            finally:
                (root / "one" / "down").unlink(missing_ok=True)
                made.clear()
            assert said.code in (0, 1, 2) and "Traceback" not in said.err, said.err
            assert said.out.startswith(str(path)), said.out + said.err
            written[name] = path
        return written[name]

    yield write


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


def empty(world: World) -> None:
    """A fleet without schedules."""


def five(world: World) -> None:
    """One of everything that a time line shows."""
    busy = world.call(seed.unmanaged, "hourly-busy-prod", cron="20 * * * *")
    world.call(seed.age, busy.record, hours=24 * 8)
    for index, fire in enumerate(world.call(seed.due, "20 * * * *", 72)):
        if index not in MISSING:
            status: seed.Status = "failed" if index in FAILED else "completed"
            world.call(seed.run, busy.snapshot, fire, status)
    slow = world.call(
        seed.managed,
        "daily-slow-dev",
        "acme/shop/dev/slow",
        cron="0 3 * * *",
        stack="two",
        timezone="UTC",
    )
    begun = datetime.now(UTC) - timedelta(hours=9)
    world.call(seed.run, slow.snapshot, begun, "running")
    world.call(seed.unmanaged, "daily-lost-prod", cron="20 3 * * *", submitted=False)
    world.call(seed.managed, "hourly-idle-dev", "acme/shop/dev/idle", cron="5 * * * *", paused=True)
    # In the same minute as the busy one, once a week.
    weekly = world.call(seed.unmanaged, "weekly-report-prod", cron="20 4 * * 1")
    world.call(seed.age, weekly.record, hours=24 * 8)


def thousand(world: World) -> None:
    """Very many."""
    made = world.call(seed.unmanaged, "daily-copied-prod", cron="0 3 * * *")
    world.call(seed.copies, made.snapshot, world.folder(), 999)


def hostile(world: World) -> None:
    """Names that would like to be more than names."""
    for index, name in enumerate(HOSTILE):
        made = world.call(seed.unmanaged, f"daily-{index}-prod", cron="0 3 * * *", submitted=False)
        world.call(seed.rename, made.record, name)


def down(world: World) -> None:
    """An orchestrator that cannot be reached."""
    world.call(seed.unmanaged, "daily-unknown-prod", cron="0 3 * * *")
    (world.folder() / "down").touch()


ALL = (empty, five, thousand, hostile, down)


def data_of(path: Path) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())
    assert found
    return json.loads(found[1])


def unfold(train: list[list[int]]) -> list[int]:
    times, time = [], 0
    for difference, count in train:
        for _ in range(count):
            time += difference
            times.append(time)
    return times


def find(chrome: Browser, selector: str) -> WebElement:
    return chrome.driver.find_element(By.CSS_SELECTOR, selector)


def texts(chrome: Browser, selector: str) -> list[str]:
    return [it.text for it in chrome.driver.find_elements(By.CSS_SELECTOR, selector)]


def rows_shown(chrome: Browser) -> list[str]:
    """The names of the rows that are there, in order, on the screen or not."""
    found: list[str] = chrome.run(
        "return [...document.querySelectorAll('#rows > .row:not([hidden]) button.name')]"
        ".map((it) => it.textContent)"
    )
    return found


def drawn(chrome: Browser) -> int:
    count: int = chrome.run("return document.querySelectorAll('#rows .line svg').length")
    return count


def wait(chrome: Browser, condition: Callable[[], object]) -> None:
    WebDriverWait(chrome.driver, 30).until(lambda _: condition())


def brightness(chrome: Browser) -> int:
    """Of the paper: 0 is black, 765 is white."""
    colour = chrome.run("return getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def line_of(chrome: Browser, name: str) -> tuple[set[str], str]:
    """The kinds of marks on a row's time line, and the line in words."""
    row = next(
        it
        for it in chrome.driver.find_elements(By.CSS_SELECTOR, "#rows > .row")
        if it.find_element(By.CSS_SELECTOR, "button.name").text == name
    )
    chrome.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", row)
    wait(chrome, lambda: row.find_elements(By.CSS_SELECTOR, ".line svg"))
    picture = row.find_element(By.CSS_SELECTOR, ".line svg")
    marks = picture.find_elements(By.CSS_SELECTOR, ".mark")
    kinds = {(it.get_attribute("class") or "").removeprefix("mark ") for it in marks}
    return kinds, picture.get_attribute("aria-label") or ""


@pytest.mark.parametrize("seeds", ALL, ids=lambda it: it.__name__)
def test_the_page_draws_itself_with_no_error_and_no_network(
    page: Pages, chrome: Browser, seeds: Seeds
) -> None:
    path = page(seeds)
    chrome.open(path)
    rows = len(data_of(path)["rows"])
    assert len(rows_shown(chrome)) == rows
    if rows:
        chrome.run("document.querySelector('#rows').scrollIntoView({behavior: 'instant'})")
        wait(chrome, lambda: drawn(chrome) > 0)
    assert chrome.said() == []
    assert chrome.run("return performance.getEntriesByType('resource').length") == 0
    text = path.read_text()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)


def test_findings_come_first_and_lead_to_their_schedule(page: Pages, chrome: Browser) -> None:
    path = page(five)
    chrome.open(path)
    assert find(chrome, "h1").text == "4 findings in 5 schedules"
    assert "Europe/Berlin" in find(chrome, "#taken").text and "UTC" in find(chrome, "#taken").text
    counts = dict(zip(texts(chrome, ".counts dt"), texts(chrome, ".counts dd"), strict=True))
    assert counts == {
        "in ZenML": "5",
        "in orchestrators": "4",
        "schedule drift": "20 %",
        "errors": "2",
        "warnings": "2",
        "notes": "0",
    }
    bounds = [find(chrome, it).rect for it in ("#findings", "#schedules")]
    assert bounds[0]["y"] + bounds[0]["height"] < bounds[1]["y"]
    codes = [it["code"] for it in data_of(path)["findings"]]
    assert codes == ["record-without-counterpart", "missed-runs", "never-fired", "long-running"]
    assert texts(chrome, ".group h3 code") == codes
    assert texts(chrome, ".finding .name") == [
        "daily-lost-prod",
        "hourly-busy-prod",
        "weekly-report-prod",
        "daily-slow-dev",
    ]
    assert find(chrome, ".finding .fix code").text == (
        "pulumi-zenml cleanup --project default --apply -- daily-lost-prod"
    )
    # Rows with findings come first too; a finding opens its row, also when that is filtered out.
    assert rows_shown(chrome)[-1] == "hourly-idle-dev"
    chrome.run("arguments[0].click()", chrome.driver.find_elements(By.CSS_SELECTOR, "a.name")[1])
    detail = find(chrome, ".row.open .detail").text
    assert "missed-runs" in detail and "Native cadence" in detail and "completed" in detail


def test_a_copied_fix_is_the_command(page: Pages, chrome: Browser) -> None:
    chrome.open(page(five))
    find(chrome, ".finding .copy").click()
    wait(chrome, lambda: find(chrome, ".finding .copy").text in ("Copied", "Selected"))
    assert find(chrome, "#said").get_attribute("textContent")


def test_time_lines_show_runs_gaps_and_coming_fires(page: Pages, chrome: Browser) -> None:
    path = page(five)
    chrome.open(path)
    data = data_of(path)
    busy = next(it for it in data["rows"] if it["name"] == "hourly-busy-prod")
    hour = 3600
    gaps = unfold(busy["gaps"])
    # It is older than its runs: three days of them, and nothing in the four days before.
    runs = list(reversed(unfold([[it, 1] for it in busy["runs"]])))
    recent = [it for it in gaps if it > runs[0]]
    assert len(recent) == len(MISSING) and recent[2] - recent[1] == hour
    assert not set(gaps) & set(runs)
    assert busy["results"].count("f") == len(FAILED)
    fires = unfold(busy["fires"])
    assert {it % hour for it in fires} == {20 * 60}
    assert min(fires) >= data["taken"] and max(fires) < data["end"]
    assert len(fires) == 7 * 24

    kinds, words = line_of(chrome, "hourly-busy-prod")
    assert kinds == {"succeeded", "failed", "missed", "coming"}
    assert f"{len(runs) - 2} succeeded, 2 failed, {len(gaps)} missed; 168 coming" in words
    assert line_of(chrome, "daily-slow-dev") == (
        {"running", "coming"},
        "1 run: 1 in progress; 7 coming",
    )
    assert line_of(chrome, "hourly-idle-dev") == (set(), "no runs; none coming")
    # A shorter time shows less, and the axis names other times.
    before = texts(chrome, "#axis .tick")
    chrome.run("document.querySelector('#span input').click()")
    kinds, words = line_of(chrome, "hourly-busy-prod")
    assert "missed" not in kinds and words.endswith("; 6 coming")
    assert texts(chrome, "#axis .tick") != before


def test_the_zone_can_be_chosen(page: Pages, chrome: Browser) -> None:
    path = page(five)
    chrome.open(path, zone="Asia/Kolkata")
    last = next(it for it in data_of(path)["rows"] if it["name"] == "hourly-busy-prod")["last"]
    utc = datetime.fromtimestamp(last, UTC)
    cell = "#rows .row:has(.failed) .last .time, #rows .row:nth-child(2) .last .time"
    shown = [it for it in texts(chrome, cell) if it]
    assert f"{utc + timedelta(hours=5, minutes=30):%H:%M}" in shown[-1]
    chrome.run("document.querySelector('#zone input[value=utc]').click()")
    assert f"{utc:%H:%M}" in texts(chrome, cell)[-1]


def test_load_names_the_busiest_minute(page: Pages, chrome: Browser) -> None:
    path = page(five)
    chrome.open(path, zone="Asia/Kolkata")
    data = data_of(path)
    # Each hour's 20th minute has the busy one, and Monday's 04:20 in UTC one more.
    assert sum(data["load"]) == 24 + 1 + 1 and max(data["load"]) == 2
    assert [it["minute"] for it in data["busiest"]] == [4 * 60 + 20]
    button = find(chrome, ".busiest button")
    assert button.text == "09:50 2 starts"
    chrome.run("arguments[0].click()", button)
    assert sorted(rows_shown(chrome)) == ["hourly-busy-prod", "weekly-report-prod"]
    find(chrome, "#minute").click()
    assert len(rows_shown(chrome)) == 5
    chrome.run("document.querySelector('.map').focus()")
    ActionChains(chrome.driver).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN).perform()
    assert find(chrome, ".chart output").text == "01:00: 0 starts"


def test_search_and_filters(page: Pages, chrome: Browser) -> None:
    chrome.open(page(five))
    search = find(chrome, "#search")
    search.send_keys("DAILY lost")
    assert rows_shown(chrome) == ["daily-lost-prod"]
    assert texts(chrome, ".finding .name") == ["daily-lost-prod"]
    assert find(chrome, "#schedules-title .count").text == "1 of 5"
    assert find(chrome, "#findings-title .count").text == "1 of 4"
    search.send_keys(" no such thing")
    assert rows_shown(chrome) == [] and "Clear the search" in find(chrome, "#nothing").text
    find(chrome, "#reset").click()
    assert len(rows_shown(chrome)) == 5 and not find(chrome, "#nothing").is_displayed()
    # By what is not in the name: an owner, a finding.
    search.send_keys("shop/dev")
    assert sorted(rows_shown(chrome)) == ["daily-slow-dev", "hourly-idle-dev"]
    search.clear()
    search.send_keys("missed-runs")
    assert rows_shown(chrome) == ["hourly-busy-prod"]
    find(chrome, "#reset").click()

    Select(find(chrome, "#stack")).select_by_visible_text("two")
    assert rows_shown(chrome) == ["daily-slow-dev"]
    find(chrome, "#reset").click()
    Select(find(chrome, "#state")).select_by_visible_text("missing")
    assert rows_shown(chrome) == ["daily-lost-prod"]
    Select(find(chrome, "#state")).select_by_visible_text("paused")
    assert rows_shown(chrome) == ["hourly-idle-dev"]
    assert "No findings among these" in find(chrome, "#findings").text
    find(chrome, "#reset").click()
    find(chrome, "#only").click()
    assert "hourly-idle-dev" not in rows_shown(chrome) and len(rows_shown(chrome)) == 4
    find(chrome, "#reset").click()
    Select(find(chrome, "#sort")).select_by_visible_text("Name")
    assert rows_shown(chrome) == sorted(rows_shown(chrome))
    # One flavor is no choice.
    assert not find(chrome, "#flavor").is_displayed()


def test_a_thousand_are_all_there_and_only_near_ones_are_drawn(
    page: Pages, chrome: Browser
) -> None:
    path = page(thousand)
    chrome.open(path, zone="Asia/Kolkata")
    assert find(chrome, "h1").text == "All 1,000 schedules are fine"
    assert len(rows_shown(chrome)) == 1000
    wait(chrome, lambda: drawn(chrome) > 0)
    assert drawn(chrome) < 100
    last = "document.querySelector('#rows').lastElementChild"
    chrome.run(f"{last}.scrollIntoView({{behavior: 'instant'}})")
    wait(chrome, lambda: chrome.run(f"return {last}.querySelector('svg') !== null"))
    find(chrome, "#search").send_keys("copy777-")
    assert rows_shown(chrome) == ["daily-copy777-prod"]
    find(chrome, "#reset").click()
    # Each of the first 999 minutes of a day has one, and the one that was copied shares one.
    assert sum(data_of(path)["load"]) == 1000
    assert texts(chrome, ".busiest .plain") == ["08:30 2 starts"]
    # On paper all of them are.
    assert base64.b64decode(chrome.print()).startswith(b"%PDF")
    assert drawn(chrome) == 1000
    assert chrome.said() == []


def test_many_findings_of_a_kind_are_folded(page: Pages, chrome: Browser) -> None:
    def late(world: World) -> None:
        made = world.call(seed.unmanaged, "daily-late-prod", cron="0 3 * * *")
        world.call(seed.age, made.record, hours=50)
        world.call(seed.copies, made.snapshot, world.folder(), 30)

    chrome.open(page(late))
    assert find(chrome, "h1").text == "31 findings in 31 schedules"
    assert len(texts(chrome, ".finding")) == 5
    find(chrome, ".more").click()
    assert len(texts(chrome, ".finding")) == 31


def test_light_and_dark(page: Pages, chrome: Browser) -> None:
    path = page(five)
    chrome.open(path, scheme="light")
    theme = find(chrome, "#theme")
    assert brightness(chrome) > 700 and theme.get_attribute("aria-pressed") == "false"
    theme.click()
    assert brightness(chrome) < 150 and theme.get_attribute("aria-pressed") == "true"
    chrome.open(path, scheme="dark")
    theme = find(chrome, "#theme")
    assert brightness(chrome) < 150 and theme.get_attribute("aria-pressed") == "true"
    theme.click()
    assert brightness(chrome) > 700
    chrome.emulate(media="print", scheme="dark")
    assert brightness(chrome) > 700


CONTRAST = """
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).slice(0, 3).map((it) => {
    const part = it / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const paper = (it) => {
  for (let at = it; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$|transparent/.test(colour)) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const low = [];
const check = (it, colour, least) => {
  const [a, b] = [luminance(colour), luminance(paper(it))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < least) low.push(`${it.outerHTML.slice(0, 90)} ${colour}`);
};
for (const it of document.querySelectorAll('body *')) {
  const own = [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const shown = it.getClientRects().length && !it.disabled;
  if (own && shown && !it.closest('script, style, option')) {
    check(it, getComputedStyle(it).color, 4.5);
  }
}
for (const it of document.querySelectorAll('#legend .mark')) {
  const style = getComputedStyle(it);
  check(it, style.stroke === 'none' ? style.fill : style.stroke, 3);
}
return low;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(page: Pages, chrome: Browser, scheme: str) -> None:
    chrome.open(page(five), scheme=scheme)
    chrome.run("document.querySelectorAll('#rows button.name').forEach((it) => it.click())")
    assert len(texts(chrome, ".detail")) == 5
    assert chrome.run(CONTRAST) == []


@pytest.mark.parametrize("seeds", ALL, ids=lambda it: it.__name__)
def test_a_narrow_screen_needs_no_scrolling_sideways(
    page: Pages, chrome: Browser, seeds: Seeds
) -> None:
    chrome.open(page(seeds), width=340, height=720)
    assert chrome.run("return innerWidth") == 340
    names = "[...document.querySelectorAll('#rows button.name')]"
    chrome.run(f"{names}.slice(0, 5).forEach((it) => it.click())")
    assert chrome.run("return document.documentElement.scrollWidth") <= 340
    assert chrome.run("return document.body.scrollWidth") <= 340


def test_paper_has_no_controls(page: Pages, chrome: Browser) -> None:
    chrome.open(page(five))
    chrome.emulate(media="print")
    for selector in ("#tools", "#theme", ".copy", "nav", ".sort"):
        assert not find(chrome, selector).is_displayed(), selector
    assert find(chrome, ".finding .fix code").is_displayed()
    assert base64.b64decode(chrome.print()).startswith(b"%PDF")
    assert drawn(chrome) == 5


def test_hostile_names_are_only_text(page: Pages, chrome: Browser) -> None:
    path = page(hostile)
    chrome.open(path)
    shown = rows_shown(chrome)
    assert sorted(shown) == sorted(
        [*HOSTILE[:3], HOSTILE[4], r"daily-\x1b[31mred\x1b]0;title\x07-\u202eprod\u2028\n]]>"]
    )
    chrome.run("document.querySelectorAll('#rows button.name').forEach((it) => it.click())")
    assert chrome.run("return window.seized") is None
    assert chrome.run("return document.querySelectorAll('body img, main script').length") == 0
    assert chrome.said() == []
    text = path.read_text()
    assert text.count("<script") == text.count("</script>") == 2
    assert "<!--" not in text


def test_only_addresses_of_the_web_become_links(chrome: Browser, tmp_path: Path) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def row(name: str, url: str) -> ReportRow:
        schedule = ScheduleRow(
            name, "default", "training", "prod", "kubernetes", "every day", "UTC", None, "active",
            "active", now, "completed", "unmanaged", "", f"native-{name}", url, "snapshot",
        )  # fmt: skip
        run = Run("id 1", "run-1", "completed", False, now - timedelta(hours=1))
        return ReportRow(schedule, "0 3 * * *", (run,), 0, (), (), False, "p/1")

    urls = {"web": "https://example.com/a?b=c&d", "bad": "javascript:alert(1)", "none": ""}
    report = Report(
        taken=now,
        start=now - timedelta(days=1),
        end=now + timedelta(days=1),
        audit=AuditResult(now.isoformat(), 3, 3, 0.0),
        rows=tuple(row(name, url) for name, url in urls.items()),
        load=(0,) * 1440,
        busiest=(),
        scope=Scope(stacks=("prod",)),
        where="https://zenml.example.com",
        run_page="https://zenml.example.com/projects/{project}/runs/{run}",
    )
    path = tmp_path / "report.html"
    path.write_text(render_html(report))
    chrome.open(path)
    assert "from https://zenml.example.com, only stack prod" in find(chrome, "#taken").text
    chrome.run("document.querySelectorAll('#rows button.name').forEach((it) => it.click())")
    links = chrome.driver.find_elements(By.CSS_SELECTOR, ".detail a")
    assert [it.get_attribute("href") for it in links] == [
        urls["web"],
        *["https://zenml.example.com/projects/p%2F1/runs/id%201"] * 3,
    ]
    assert {it.get_attribute("rel") for it in links} == {"noopener noreferrer"}
    assert "native-bad" in texts(chrome, ".detail")[1]


def test_nothing_else_can_run_or_be_fetched(page: Pages, chrome: Browser) -> None:
    chrome.open(page(empty))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        chrome.run(
            "const add = (tag, values) => "
            "document.body.append(Object.assign(document.createElement(tag), values));"
            "add('script', {textContent: 'window.seized = 1'});"
            "add('script', {src: arguments[0]});"
            "add('style', {textContent: 'body {color: red}'});"
            "add('img', {src: arguments[0]});",
            url,
        )
        fetch = "fetch(arguments[0]).then(() => 'fetched', () => 'refused').then(arguments[1])"
        assert chrome.driver.execute_async_script(fetch, url) == "refused"
        with pytest.raises(BlockingIOError):
            server.accept()
    assert chrome.run("return window.seized") is None
    refused = " ".join(chrome.said())
    for directive in ("script-src", "style-src", "img-src", "connect-src"):
        assert directive in refused, refused


def test_the_keyboard_is_enough(page: Pages, chrome: Browser) -> None:
    chrome.open(page(five))
    keys = ActionChains(chrome.driver)
    here = "return document.activeElement.id || document.activeElement.className"
    visited = []
    for _ in range(60):
        keys.send_keys(Keys.TAB).perform()
        visited.append(chrome.run(here))
        outline = "return getComputedStyle(document.activeElement).outlineStyle"
        assert (
            visited[-1] == ""
            or chrome.run(outline) != "none"
            or "INPUT" in chrome.run("return document.activeElement.tagName")
        ), visited
    order = ["skip", "theme", "search", "stack", "state", "only", "copy", "sort", "map"]
    assert [it for it in dict.fromkeys(visited) if it in order] == order
    assert visited.count("name") >= 4 + 5
    chrome.run("document.querySelector('#rows button.name').focus()")
    keys.send_keys("/").perform()
    assert chrome.run(here) == "search"
    chrome.run("document.querySelector('#rows button.name').focus()")
    keys.send_keys(Keys.ENTER).perform()
    button = find(chrome, "#rows button.name")
    assert button.get_attribute("aria-expanded") == "true"
    keys.send_keys(Keys.ENTER).perform()
    assert button.get_attribute("aria-expanded") == "false"


def test_everything_has_a_name_for_those_who_do_not_look(page: Pages, chrome: Browser) -> None:
    chrome.open(page(five))
    for control in chrome.driver.find_elements(By.CSS_SELECTOR, "button, input, select, a"):
        if control.is_displayed():
            assert control.accessible_name, control.get_attribute("outerHTML")
    levels = [
        int(it.tag_name[1]) for it in chrome.driver.find_elements(By.CSS_SELECTOR, "h1,h2,h3")
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert chrome.run("return document.documentElement.lang") == "en"


def test_an_empty_fleet_has_a_page_too(page: Pages, chrome: Browser) -> None:
    chrome.open(page(empty))
    assert find(chrome, "h1").text == "No schedules here yet"
    assert "As soon as a schedule is there" in find(chrome, "main").text
    assert not find(chrome, "#tools").is_displayed() and not find(chrome, "#load").is_displayed()


def test_what_could_not_be_looked_at_is_unknown(page: Pages, chrome: Browser) -> None:
    path = page(down)
    chrome.open(path)
    told = find(chrome, "#unreachable").text
    assert "one (filecron)" in told and "the folder is down" in told and "unknown, not" in told
    assert find(chrome, "h1").text == "No findings in what could be read of 1 schedule"
    assert find(chrome, "#rows .next").text == "unknown"
    assert data_of(path)["rows"][0]["there"] == "unknown"


def test_the_command_says_what_it_found_and_remembers_nothing(world: World) -> None:
    well = world.call(seed.unmanaged, "hourly-well-prod", cron="20 * * * *")
    said = world.run("report", "--html", "out/fleet.html")
    assert said.code == 0, said.err
    path = world.work / "out" / "fleet.html"
    assert said.out == (
        "out/fleet.html: 1 schedules, 1 counterparts, 0 findings. Schedule drift: 0.0%\n"
    )
    assert not (world.work / "state").exists()

    world.call(seed.age, well.record, hours=26)
    first = world.call(seed.due, "20 * * * *", 26)[0]
    world.call(seed.run, well.snapshot, first)
    assert world.run("report", "--html", "out/fleet.html", "--days", "2").code == 1
    assert [it["code"] for it in data_of(path)["findings"]] == ["missed-runs"]
    ignored = world.run("report", "--html", "out/fleet.html", "--ignore", "missed-runs")
    assert ignored.code == 0 and len(unfold(data_of(path)["rows"][0]["gaps"])) > 20
    # The audit has not judged these fires before.
    assert world.run("audit", "--json").findings() == {("missed-runs", "hourly-well-prod")}

    (world.folder() / "down").touch()
    unknown = world.run("report", "--html", "out/fleet.html")
    (world.folder() / "down").unlink()
    assert unknown.code == 2 and "could not be read: " in unknown.err
    assert len(data_of(path)["unreachable"]) == 1


def test_only_a_report_is_overwritten(world: World) -> None:
    path = world.work / "page.html"
    path.write_text("<p>mine</p>")
    refused = world.run("report", "--html", "page.html")
    assert refused.code == 2 and "exists and is not a report" in refused.err
    assert path.read_text() == "<p>mine</p>"
    assert world.run("report", "--html", "page.html", "--force").code == 0
    first = path.read_text()
    assert world.run("report", "--html", "page.html", "--days", "1").code == 0
    assert path.read_text() != first
    assert [it.name for it in world.work.iterdir()] == ["page.html"]


def test_a_page_is_written_whole_and_for_whom_the_umask_lets(page: Pages, tmp_path: Path) -> None:
    text = page(empty).read_text()
    path, link = tmp_path / "report.html", tmp_path / "link.html"
    link.symlink_to(path)
    before = os.umask(0o027)
    try:
        write_html(link, text)
        write_html(link, text)
    finally:
        os.umask(before)
    assert link.is_symlink() and path.stat().st_mode & 0o777 == 0o640
    assert path.read_text() == text
    (tmp_path / "folder").mkdir()
    for wrong, why in {
        tmp_path / "folder": "is not a file",
        path / "inside.html": "cannot be",
        Path("/dev/null"): "is not a file",
    }.items():
        with pytest.raises(InputError, match=why):
            write_html(wrong, text, force=True)
    path.write_text("mine")
    with pytest.raises(InputError, match="is not a report"):
        write_html(path, text)
    assert path.read_text() == "mine"
    assert sorted(it.name for it in tmp_path.iterdir()) == ["folder", "link.html", "report.html"]

"""The board in a real browser: from file://, by keyboard, narrow and wide, light and dark, without script."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from kit.cli import run
from kit.report.board.site import board_html
from tests.integration.report.browser import Browser
from tests.support.boards import SPOTS, make_results
from tests.unit.report.board.test_site import hostile

LINES = sum(2 * len(spot.concurrencies) for spot in SPOTS)
KEYS = {"Tab": 9, "Enter": 13, "ArrowDown": 40}
SHOWN = "[...document.querySelectorAll('#lines tbody tr')].filter(e => !e.hidden)"
COUNT = "document.getElementById('count').textContent"
# Every text whose contrast with what lies behind it is below 4.5 to 1 (3 to 1 for large ones); pictures left out.
PALE = r"""(() => {
  const parts = (c) => (c.match(/[\d.]+/g) ?? []).map(Number);
  const behind = (e) => { for (; e; e = e.parentElement) {
    const p = parts(getComputedStyle(e).backgroundColor); if (p.length === 3 || p[3] === 1) return p; }
    return [255, 255, 255]; };
  const light = (p) => { const [r, g, b] = p.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126*r + 0.7152*g + 0.0722*b; };
  const found = [];
  for (const e of document.querySelectorAll("body *:not(svg *):not(script)")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
    const s = getComputedStyle(e), a = light(parts(s.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return found;
})()"""
# Every control and link without a name for those who cannot see it, and every id that is there twice.
NAMELESS = """(() => {
  const name = (e) => e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent;
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  return [...[...document.querySelectorAll("a, button, select, input, [role=region]")]
    .filter((e) => !(name(e) ?? "").trim()).map((e) => e.outerHTML.slice(0, 100)),
    ...ids.filter((id, at) => ids.indexOf(id) !== at)];
})()"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven bundles of five machines, three signers and nobody, and one file that is no bundle."""
    folder = tmp_path_factory.mktemp("site")
    make_results(folder / "results")
    (folder / "results" / "bad.tar.gz").write_bytes(b"no bundle")
    assert run(["site", str(folder / "results"), "-o", str(folder / "site"), "--published", "--quiet"]) == 0
    return folder / "site"


def press(page: Browser, key: str) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        more = text if kind == "keyDown" else {}
        page.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], **more)


def at(page: Browser, site: Path, state: str = "") -> None:
    """The board, anew, with this behind the # of its address."""
    page.open(site / "index.html", 1440, 900)
    if state:
        done = "addEventListener('hashchange', () => setTimeout(done), {once: true})"
        page.value(f"new Promise(done => {{ {done}; location.hash = {state!r} }})")


def column(page: Browser, number: int) -> list[float]:
    found: list[float] = page.value(f"{SHOWN}.map(e => Number(e.cells[{number}].dataset.v))")
    return found


@pytest.mark.parametrize(
    ("name", "width", "height", "dark"),
    [
        ("light", 1440, 900, False),
        ("dark", 1440, 900, True),
        ("mobile", 390, 844, False),
        ("mobile-dark", 390, 844, True),
    ],
)
def test_the_board_is_whole_and_legible(
    page: Browser, site: Path, tmp_path: Path, name: str, width: int, height: int, dark: bool
) -> None:
    """No request but for the page, no complaint, nothing too wide, no pale text, no nameless control."""
    page.open(site / "index.html", width, height, dark=dark)
    page.screenshot(tmp_path / f"{name}.png", whole=True)
    assert page.requests == [(site / "index.html").as_uri()]
    assert page.complaints == []
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value(PALE) == []
    assert page.value(NAMELESS) == []
    assert page.value("[...document.querySelectorAll('.multiples svg')].every(e => e.clientWidth > 250)")
    assert page.value("[...document.querySelectorAll('.multiples figure')].length") == 4


def test_every_link_leads_somewhere(page: Browser, site: Path) -> None:
    """To a place on the page or a file of the site."""
    at(page, site)
    links = set(page.value("[...document.querySelectorAll('a, link')].map(e => e.getAttribute('href'))"))
    places = set(page.value("[...document.querySelectorAll('[id]')].map(e => '#' + e.id)"))
    assert len(links) > 2 * len(SPOTS)
    assert {link for link in links if link not in places and not (site / link).is_file()} == set()


def test_the_page_of_a_bundle_leads_back(page: Browser, site: Path) -> None:
    """And is as whole as any report."""
    at(page, site)
    page.open(site / page.value(f"{SHOWN}[0].querySelector('td a').getAttribute('href')"))
    assert page.complaints == []
    page.leave(lambda: page.value("document.querySelector('nav.back a').click()"))
    assert page.value("location.pathname").endswith("/site/index.html")
    assert page.value("!!document.getElementById('lines')")


def test_the_best_of_each_entry_is_shown_first(page: Browser, site: Path) -> None:
    """Two entries of each bundle; all numbers of users are a choice away."""
    at(page, site)
    assert page.value(COUNT) == f"{2 * len(SPOTS)} of {LINES} results shown."
    at(page, site, "users=4")
    assert page.value(f"{SHOWN}.map(e => e.dataset.users)") == ["4"] * 2 * sum(4 in s.concurrencies for s in SPOTS)


def test_filters_work_by_keyboard_alone(page: Browser, site: Path) -> None:
    """The first stop is a visible link over the head; then to the machines, the next one chosen, and cleared."""
    at(page, site)
    press(page, "Tab")
    assert page.value("document.activeElement.className") == "skip"
    assert page.value("document.activeElement.getBoundingClientRect().left") >= 0
    assert page.value("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press(page, "Enter")
    press(page, "Tab")
    assert page.value("document.activeElement.name") == "machine"
    assert page.value("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press(page, "ArrowDown")
    chosen = page.value("document.activeElement.value")
    assert chosen
    assert set(page.value(f"{SHOWN}.map(e => e.dataset.machine)")) == {chosen}
    assert page.value("new URLSearchParams(location.hash.slice(1)).get('machine')") == chosen
    for _ in range(6):
        press(page, "Tab")
    assert page.value("document.activeElement.type") == "reset"
    press(page, "Enter")
    assert page.value("location.hash") == ""
    assert page.value(COUNT).startswith(f"{2 * len(SPOTS)} of ")
    assert page.complaints == []


def test_the_address_says_what_is_chosen_and_sorted(page: Browser, site: Path) -> None:
    """After a reload the same rows stand in the same order; what does not occur is no choice."""
    at(page, site, f"signer={quote('ada@example.org')}&users=&sort=throughput_tok_s&order=up")
    shown = column(page, 4)
    assert len(shown) == sum(2 * len(spot.concurrencies) for spot in SPOTS if spot.signer == "ada@example.org")
    assert shown == sorted(shown)
    page.reload()
    assert column(page, 4) == shown
    at(page, site, "machine=nobody&users=best")
    assert page.value(COUNT).startswith(f"{2 * len(SPOTS)} of ")


def test_who_reproduced_whom_is_said(page: Browser, site: Path) -> None:
    """The two runs of one plan on one machine by two signers, at each of their lines."""
    at(page, site)
    said = page.value(f"{SHOWN}.filter(e => e.innerText.includes('reproduced by 1')).map(e => e.dataset.signer)")
    assert sorted(said) == ["grace@example.org"] * 2 + ["linus@example.org"] * 2


def test_nothing_fits_says_so(page: Browser, site: Path) -> None:
    """For those who hear it, in the live region."""
    at(page, site, f"signer=unsigned&model={quote('qwen2.5-coder-1.5b-instruct-q4_k_m')}")
    assert page.value(COUNT).endswith("Nothing fits all filters.")


def test_a_head_sorts_both_ways_by_keyboard(page: Browser, site: Path) -> None:
    """Throughput falls first, as more is better; what is sorted by is said."""
    at(page, site)
    page.value("document.querySelector('[data-sort=throughput_tok_s] button').focus()")
    press(page, "Enter")
    assert column(page, 4) == sorted(column(page, 4), reverse=True)
    assert page.value("document.activeElement.parentElement.getAttribute('aria-sort')") == "descending"
    press(page, "Enter")
    assert column(page, 4) == sorted(column(page, 4))
    assert page.value("document.activeElement.parentElement.getAttribute('aria-sort')") == "ascending"
    page.value("document.querySelector('[data-sort=\"ttft_ms.p50\"] button').focus()")
    press(page, "Enter")
    assert column(page, 5) == sorted(column(page, 5))
    assert page.value("document.querySelectorAll('[aria-sort]').length") == 1


def test_charts_follow_model_and_runtime(page: Browser, site: Path) -> None:
    """Those of another model go."""
    at(page, site, f"model={quote('qwen2.5-coder-1.5b-instruct-q4_k_m')}")
    visible = "[...document.querySelectorAll('.group')].filter(e => !e.hidden).map(e => e.dataset.model)"
    assert page.value(visible) == ["qwen2.5-coder-1.5b-instruct-q4_k_m"]


def test_the_command_is_copied(page: Browser, site: Path) -> None:
    """Whether by the clipboard or as a selection, and said aloud."""
    at(page, site)
    page.value(f"{SHOWN}[0].querySelector('.copy').focus()")
    press(page, "Enter")
    page.wait(lambda: page.value(COUNT).startswith("Copied: kit verify results/demo/"))
    assert page.complaints == []


def test_without_script_the_whole_table_stands(page: Browser, site: Path) -> None:
    """Every row, no control that does nothing."""
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(site / "index.html", 1440, 900)
        assert page.value(f"{SHOWN}.length") == LINES
        assert page.value("[...document.querySelectorAll('form, button')].every(e => !e.checkVisibility())")
        assert page.complaints == []
    finally:
        page.send("Emulation.setScriptExecutionDisabled", value=False)


def test_hostile_words_are_shown_and_do_nothing(page: Browser, tmp_path: Path) -> None:
    """In names, models, machines, signers and reasons; filters by them work."""
    path = tmp_path / "index.html"
    path.write_text(board_html(hostile()), encoding="utf-8")
    page.open(path, 390, 844)
    assert page.complaints == []
    assert page.requests == [path.as_uri()]
    assert page.value("document.querySelectorAll('img').length") == 0
    assert page.value("document.documentElement.scrollWidth") <= 390
    page.value("document.querySelector('select[name=model]').selectedIndex = 1")
    page.value("document.querySelector('form').dispatchEvent(new Event('change'))")
    assert page.value(COUNT) == "2 of 4 results shown."
    assert page.value("document.body.innerText.includes('onerror=alert(1)')")

"""The page of a board: self-contained, harmless, readable, the same bytes each time; its feed."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from xml.etree import ElementTree

import pytest

from kit.catalogue.published import all_published
from kit.documents.index import IndexRefused, IndexSigner
from kit.report.board.exhibits import Board
from kit.report.board.site import FEED_ENTRIES, board_html, feed_xml
from tests.support.boards import exhibit, machine
from tests.support.pages import HOSTILE, subjects
from tests.support.studies import study
from tests.unit.report.page.test_report import ALLOWED, Reader

ATOM = "{http://www.w3.org/2005/Atom}"
FORM = {
    "form",
    "fieldset",
    "legend",
    "label",
    "select",
    "option",
    "button",
    "br",
    "link",
    "dl",
    "nav",
    "h4",
    "small",
}


def board() -> Board:
    one = replace(study(*subjects(("llamacpp", "vllm"), (1, 4))), machine=machine("A CPU"))
    other = replace(one, machine=machine("B CPU"), label="consistent")
    first = exhibit(1, one, signer=IndexSigner("ada", "SHA256:abc"), challenge="ab" * 16)
    second = exhibit(2, other, flags=2, reproduced_by=(first.identity, "f" * 64))
    return Board("A board", (first, second), (IndexRefused("bad.tar.gz", "e" * 64, 7, "It is no bundle."),))


def hostile() -> Board:
    bad = [replace(each, model=HOSTILE) for each in subjects((HOSTILE[:40], "vllm"), (1, 4))]
    one = replace(study(*bad), name=HOSTILE, title=HOSTILE, machine=machine(HOSTILE))
    shown = exhibit(1, one, signer=IndexSigner(HOSTILE, HOSTILE), title=HOSTILE, reproduced_by=(HOSTILE,))
    shown = replace(shown, entry=replace(shown.entry, kit_version=HOSTILE), source=HOSTILE)
    return Board(HOSTILE, (shown,), (IndexRefused(HOSTILE, "e" * 64, 7, HOSTILE),), url=HOSTILE)


@pytest.fixture(scope="module")
def page() -> str:
    return board_html(board())


def test_the_page_runs_only_the_script_and_style_it_names(page: str) -> None:
    """By their hashes; nothing is loaded, sent or embedded, and no address leaves the folder."""
    found = Reader(page)
    (policy,) = [each["content"] for _, each in found.elements if each.get("http-equiv")]
    assert policy is not None
    for kind in ("script", "style"):
        (text,) = found.contents[kind]
        assert f"{kind}-src 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag, attributes in found.elements:
        assert not {"src", "style", "srcset", "action"} & attributes.keys(), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert re.fullmatch(r"#[a-z0-9-]+|[a-z0-9/._-]+", attributes.get("href") or "#x"), attributes


def test_every_table_picture_and_control_has_words(page: str) -> None:
    """Captions, scopes, labels, titles, a skip link and a live region."""
    found = Reader(page)
    tags = [tag for tag, _ in found.elements]
    assert tags.count("table") == tags.count("caption") == 3
    assert all("scope" in each for tag, each in found.elements if tag == "th")
    assert tags.count("select") == 6 == tags.count("label")
    assert ("html", {"lang": "en"}) in found.elements
    assert tags.count("h1") == 1
    assert next(each for tag, each in found.elements if tag == "a")["class"] == "skip"
    assert any(each.get("aria-live") == "polite" for _, each in found.elements)
    assert all(
        each.get("role") == "img" or each.get("aria-hidden") == "true"
        for tag, each in found.elements
        if tag == "svg"
    )


def test_every_number_leads_to_its_bundle_and_the_command(page: str) -> None:
    """The page of the bundle, its identity, and what recomputes it."""
    one, other = board().exhibits
    for each in (one, other):
        assert page.count(f'href="{each.page}"') >= 4 * 4
        assert f'id="b-{each.identity}"' in page
        assert page.count(f'href="#b-{each.identity}"') >= 4
        assert f'data-copy="kit verify {each.source}"' in page
        assert each.entry.sha256 in page
        assert f'href="{each.archive}" download' in page


def test_trust_is_said_in_words(page: str) -> None:
    """Label, signer, who reproduced it, flags, and that there was no challenge."""
    text = " ".join(" ".join(Reader(page).texts).split())
    for words in ("signed by ada", "reproduced by 2", "2 flags", "no challenge", "consistent", "self-reported"):
        assert words in text
    one, other = board().exhibits
    rows = re.findall(r"<tr role=\"row\" data-machine.*?</tr>", page, re.DOTALL)
    assert len(rows) == 8
    assert all(("no challenge" in row) == (other.identity[:8] in row) for row in rows)
    assert (one.entry.challenge or "?") in text


def test_one_who_reproduced_and_is_not_on_the_board_is_no_link(page: str) -> None:
    """Only places that exist are linked."""
    assert "ffffffffffff" in page
    assert "#b-ffff" not in page
    places = set(re.findall(r' id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= places


def test_what_is_refused_is_listed_and_not_shown(page: str) -> None:
    """With the reason."""
    assert "bad.tar.gz" in page
    assert "It is no bundle." in page
    assert "refused" not in board_html(replace(board(), refused=()))


def test_figures_of_others_are_marked_and_apart() -> None:
    """In a table of their own, each row of it."""
    page = board_html(replace(board(), published=all_published()))
    (section,) = re.findall(r'<section aria-labelledby="published">.*?</section>', page, re.DOTALL)
    assert section.count("unverifiable</span>") == section.count('scope="row"') > 10
    assert "158.1 at 1" in section
    assert "unverifiable" not in board_html(board())


def test_without_archives_nothing_is_offered_for_download() -> None:
    """And the command stays."""
    page = board_html(replace(board(), archives=False))
    assert " download>" not in page
    assert "kit verify results/" in page


def test_hostile_words_stay_words() -> None:
    """In names, models, machines, signers, paths and reasons: no element, no attribute, no address."""
    page = board_html(hostile())
    found = Reader(page)
    assert {tag for tag, _ in found.elements} <= ALLOWED | FORM
    assert not any(name.startswith("on") for _, each in found.elements for name in each)
    assert all(re.fullmatch(r"#[a-z0-9-]+|[a-z0-9/._-]+", each.get("href") or "#x") for _, each in found.elements)
    assert not re.search(r"[\u2028\u202e]", page)
    assert "onerror=alert(1)" in " ".join(found.texts)


def test_the_same_board_is_the_same_bytes() -> None:
    """No clock, no chance."""
    assert board_html(board()) == board_html(board())
    assert feed_xml(board()) == feed_xml(board())


def test_an_empty_board_says_so() -> None:
    """And has a feed."""
    empty = Board("Nothing yet", ())
    assert "No bundle is shown yet." in board_html(empty)
    assert ElementTree.fromstring(feed_xml(empty)).findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"


def test_machines_have_one_number_on_the_page_and_in_the_feed() -> None:
    """Two that only facts tell apart: the newer is the second on the page, and in the feed that puts it first."""
    older = replace(study(*subjects(("vllm",), (1,))), machine=machine("A CPU"))
    newer = replace(older, machine=replace(machine("A CPU"), architecture="aarch64"))
    made = Board("A board", (exhibit(1, older), exhibit(2, newer)))
    first, second = (each.identity for each in made.exhibits)
    named = {
        each.findtext(f"{ATOM}id"): each.findtext(f"{ATOM}title")
        for each in ElementTree.fromstring(feed_xml(made)).iter(f"{ATOM}entry")
    }
    assert str(named[f"urn:sha256:{second}"]).endswith(" (2)")
    assert not str(named[f"urn:sha256:{first}"]).endswith(" (2)")


def test_the_feed_has_the_newest_first_with_their_own_times() -> None:
    """As many as a reader takes; each with an id that stays."""
    one = board().exhibits[0].study
    many = Board(
        "A board", tuple(exhibit(number % 28, one) for number in range(FEED_ENTRIES + 5)), url="https://b.example/"
    )
    feed = ElementTree.fromstring(feed_xml(many))
    times = [each.findtext(f"{ATOM}updated") or "" for each in feed.iter(f"{ATOM}entry")]
    assert len(times) == FEED_ENTRIES
    assert times == sorted(times, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == times[0]
    (first, *_) = feed.iter(f"{ATOM}entry")
    assert first.findtext(f"{ATOM}id") == f"urn:sha256:{'1b' * 32}"
    assert feed.attrib == {"{http://www.w3.org/XML/1998/namespace}base": "https://b.example/"}


def test_a_feed_of_hostile_words_is_well_formed() -> None:
    """And none of them becomes an element."""
    feed = ElementTree.fromstring(feed_xml(hostile()))
    assert "onerror=alert(1)" in (feed.findtext(f"{ATOM}title") or "")
    assert {each.tag.removeprefix(ATOM) for each in feed.iter()} == {
        "feed", "title", "id", "updated", "link", "generator", "entry", "author", "name", "summary",
    }  # fmt: skip


# --- colours ----------------------------------------------------------------------------------------------


def themes() -> list[dict[str, str]]:
    sheet = files("kit.report.page").joinpath("page.css").read_text("utf-8")
    found = [
        dict(re.findall(r"--([a-z]+):(#[0-9a-f]{6})", each)) for each in re.findall(r":root\{([^}]*)\}", sheet)
    ]
    assert len(found) == 2
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "paper"), ("ink", "raised"), ("muted", "paper"), ("muted", "raised"), ("link", "paper"),
        ("link", "raised"), ("good", "goodpaper"), ("warn", "warnpaper"), ("warn", "paper"),
        ("plain", "plainpaper"), ("plain", "paper"),
    ],
)  # fmt: skip
def test_text_has_the_contrast_that_readers_need(theme: dict[str, str], ink: str, ground: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1."""
    assert contrast(theme[ink], theme[ground]) >= 4.5


def test_the_measure_of_contrast_is_that_of_wcag() -> None:
    """Its own examples."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)

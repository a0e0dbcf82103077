"""The page: self-contained, harmless, the same bytes each time, with what a reader needs."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from kit.documents import FailureReason, Failures
from kit.report.count_text import COUNTED
from kit.report.differences_text import TITLE
from kit.report.page.facts import cautions
from kit.report.page.figures import Table, TableCell
from kit.report.page.inputs import PageInput
from kit.report.page.report import MARK, Report, report_of
from kit.report.page.scorecard import ScorecardPart
from tests.support.documents import HOST, SERVER
from tests.support.documents_compared import DIFFERENCES
from tests.support.fakes import demo_plan
from tests.support.pages import HOSTILE, figures, hostile, known, made_timeline, subjects
from tests.support.studies import LAPTOP, replicated, study, subject, trial

ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "h5", "p", "span", "code",
    "main", "div", "section", "article", "table", "caption", "thead", "tbody", "tr", "th", "td", "b", "small",
    "abbr", "ul", "li", "figure", "figcaption", "script", "svg", "desc", "g", "path", "line", "text", "rect",
    "defs",
    "clippath", "details", "nav", "summary", "pre", "footer", "dl", "dt", "dd", "a",
}  # fmt: skip


class Reader(HTMLParser):
    """Every element and attribute of a page, and the content of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, list[str]] = {"script": [], "style": []}
        self.comments: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] in self.contents and self.cdata_elem:
            self.contents[self.elements[-1][0]].append(data)
        else:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def one() -> PageInput:
    made = study(*subjects(("llamacpp", "vllm"), (1, 4)))
    return PageInput(made, "yoga.tar.gz", "bundle", quantiles=known(made), timelines=(made_timeline("vllm", 320),))


@pytest.fixture(scope="module")
def single() -> Report:
    return report_of([one()])


@pytest.fixture(scope="module")
def evil() -> Report:
    return report_of(hostile(), HOSTILE)


def test_the_page_runs_only_the_scripts_and_styles_it_names(single: Report) -> None:
    """By their hashes; no source, no attribute, no style attribute and no handler beside."""
    page = Reader(single.html)
    (policy,) = [found["content"] for tag, found in page.elements if found.get("http-equiv")]
    assert policy is not None
    for kind in ("script", "style"):
        found = re.search(rf"{kind}-src '(sha256-[^']+)'(;|$)", policy)
        assert found
        (text,) = [each for each in page.contents[kind] if not each.startswith("{")]
        assert found[1] == "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag, attributes in page.elements:
        assert not {"src", "style", "srcset", "action"} & attributes.keys(), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert (attributes.get("href") or "#").startswith("#")


def test_every_table_and_plot_has_words_for_those_who_cannot_see_it(single: Report) -> None:
    """Captions, scopes, titles and a language."""
    page = Reader(single.html)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") > 5
    assert all("scope" in found for tag, found in page.elements if tag == "th")
    assert all(found.get("role") == "img" for tag, found in page.elements if tag == "svg")
    assert tags.count("svg") == tags.count("figure") == tags.count("figcaption") == 5
    assert ("html", {"lang": "en"}) in page.elements
    assert tags.count("h1") == 1


def test_ids_are_unique(single: Report) -> None:
    """Also those inside the pictures, and of two runs with the same name."""
    for html in (single.html, report_of([one(), one()]).html):
        ids = [found["id"] for _, found in Reader(html).elements if "id" in found]
        assert len(ids) == len(set(ids))


def test_the_data_of_every_plot_stands_in_the_page(single: Report) -> None:
    """As JSON that a script can read."""
    page = Reader(single.html)
    names = {found["data-plot"] for _, found in page.elements if "data-plot" in found}
    blocks = {found["id"] for tag, found in page.elements if tag == "script" and "id" in found}
    assert blocks == {f"{name}-spec" for name in names} | {"plot-config"}
    assert all(json.loads(text) for text in page.contents["script"] if text.startswith("{"))


def test_hostile_words_stay_words(evil: Report) -> None:
    """They make no element, no comment and no attribute, and nothing unprintable gets through."""
    page = Reader(evil.html)
    assert {tag for tag, _ in page.elements} <= ALLOWED | {"title"}
    assert [each.strip() for each in page.comments] == [MARK]
    assert not re.search("[\u2028\u2029\u202e]", evil.html + evil.markdown + "".join(evil.plots.values()))
    assert "onerror=alert(1)&gt;" in evil.html
    assert not any("<img" in text for text in evil.plots.values())


def test_hostile_words_stay_words_in_markdown(evil: Report) -> None:
    """Nothing of them is HTML, a link or a comment."""
    text = re.sub("(?s)```.*?```", "", evil.markdown.replace(f"<!-- {MARK} -->", ""))
    assert not re.search(r"(?<!\\)<", text)
    assert "[x](y)" not in text


def test_every_text_of_a_run_stays_text() -> None:
    """Names, versions, messages, reasons, notes, what the machine and the server say, and the scorecard."""
    good = study(*subjects(("llamacpp", "vllm"), (1, 4)))
    doubted = tuple(replace(each, suspect=(HOSTILE,)) for each in good.subjects[0].trials)
    lost = tuple(replace(each, status="failed", source=HOSTILE, reason=HOSTILE) for each in doubted)
    named = [
        replace(
            each, entry=f"{n % 2}{HOSTILE}", runtime=HOSTILE, variant=HOSTILE, model=HOSTILE, model_sha256=HOSTILE
        )
        for n, each in enumerate(good.subjects)
    ]
    made = replace(
        good,
        title=HOSTILE,
        note=HOSTILE,
        identity=HOSTILE,
        kit_version=HOSTILE,
        hardware=replace(LAPTOP, device=HOSTILE),
        subjects=(*named[:2], replace(named[2], trials=doubted), replace(named[3], trials=lost)),
    )
    host = replace(HOST, system=HOSTILE, kernel=HOSTILE, cpu_model=HOSTILE, packages={HOSTILE: HOSTILE})
    card = ScorecardPart(
        Table(HOSTILE, (1,), ((HOSTILE, (TableCell(HOSTILE, HOSTILE, True),)),)), HOSTILE, (HOSTILE,), ""
    )
    servers = {each.entry: replace(SERVER, version=HOSTILE) for each in named}
    given = PageInput(made, HOSTILE, "bundle", host=host, servers=servers, scorecard=card)
    page = Reader(report_of([given, replace(given, kind="imported")]).html)
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert [each.strip() for each in page.comments] == [MARK]
    assert not any(name.startswith("on") or name == "src" for _, found in page.elements for name in found)
    assert " ".join(page.texts).count("<img src=x onerror=alert(1)>") > 50
    # JSON cannot end its element, and is read back as it was
    blocks = [text for text in page.contents["script"] if text.startswith("{")]
    assert not any(re.search("[<>&\u2028\u2029]", text) for text in blocks)
    assert any("</script>" in json.dumps(json.loads(text)) for text in blocks)


def test_the_same_inputs_give_the_same_bytes(single: Report) -> None:
    """Page, Markdown and pictures."""
    assert report_of([one()]) == single


def test_every_file_bears_the_mark_in_its_first_line(single: Report) -> None:
    """By which the next report knows that it may replace it."""
    for text in (single.html, single.markdown, *single.plots.values()):
        assert MARK in text.partition("\n")[0]


def test_the_verdict_names_the_leader_and_the_margin(single: Report) -> None:
    """In page and Markdown alike: by throughput, and who answers first."""
    assert "By throughput: vllm leads at 1 and 4 users." in single.markdown
    assert "llamacpp leads at 1 and 4 users." in single.markdown
    assert "At 1 and 4 users vllm has 1.30 times the tokens/s of llamacpp" in single.html
    assert "At 1 and 4 users llamacpp answers first, 1.33 times sooner than vllm" in single.html
    for text in (single.html, single.markdown):
        assert "1.30 x llamacpp" in text
        assert "answers first" in text


def test_suspect_and_lost_cells_stand_under_warnings() -> None:
    """With their reasons, and the tables mark them."""
    doubted = replace(trial(1, throughput_tok_s=20.0), suspect=("send lag max 9 ms",))
    made = study(subject("vllm", 1, doubted), subject("llamacpp", 1, trial(1, "failed")))
    report = report_of([PageInput(made, "x", "run")])
    for text in (report.html, report.markdown):
        assert "send lag max 9 ms" in text
        assert "the server exited" in text
        assert "no result" in text
        assert "†" in text
    assert "At 1 user no runtime has a valid throughput." in report.html


def test_a_rate_that_can_only_be_too_low_is_at_least_that() -> None:
    """In the tables of both forms; the reason in the warnings says it in words."""
    doubted = replace(trial(1, throughput_tok_s=20.0, decode_tok_s=7.0), suspect=("late",), at_least=True)
    report = report_of([PageInput(study(subject("vllm", 1, doubted)), "x", "run")])
    for text in (report.html, report.markdown):
        assert "≥ 20.0" in text
        assert "≥ 7.0" not in text


def test_a_run_without_a_figure_has_a_page_without_plots() -> None:
    """And says so."""
    report = report_of([PageInput(study(subject("vllm", 1, trial(1, "failed"))), "x", "run")])
    assert report.plots == {}
    assert "Nothing was measured." in report.html
    assert "Nothing was measured." in report.markdown


def test_imported_results_are_drawn_beside_the_only_run_or_that_of_their_name() -> None:
    """And have a section of their own."""
    mine = study(replicated("vllm", 1, figures(0, 1)))
    theirs = replace(mine, origin="imported", label=None, name="gx10")
    inputs = [PageInput(mine, "a", "bundle"), PageInput(theirs, "b", "imported")]
    both = report_of(inputs)
    assert "vllm (imported, unverifiable)" in both.plots["yoga-throughput.svg"]
    assert "cannot be verified" in both.html
    other = PageInput(replace(mine, name="gx10"), "c", "bundle")
    named = report_of([*inputs, other])
    assert "imported" not in named.plots["yoga-throughput.svg"]
    assert "vllm (imported, unverifiable)" in named.plots["gx10-2-throughput.svg"]


def test_a_scorecard_stands_in_page_and_markdown() -> None:
    """Without one there is no section."""
    card = ScorecardPart(
        Table("Grades", (1,), (("vllm", (TableCell("A+", "99.0"),)),)), "kit-1", ("Mind it.",), "| A+ |"
    )
    report = report_of([replace(one(), scorecard=card)])
    assert all(words in report.html for words in ("Grades", "A+", "99.0", "kit-1", "Mind it."))
    assert "| A+ |" in report.markdown
    assert "Scorecard" not in report_of([one()]).html


def test_what_differs_between_the_answers_stands_in_page_and_markdown() -> None:
    """As two tables; a model's name from a server stays a name. Without a second entry there is no section."""
    first, second = DIFFERENCES.entries
    found = replace(DIFFERENCES, entries=(replace(first, named=(HOSTILE,)), replace(second, prompt_tokens=99.0)))
    report = report_of([replace(one(), differences=found)])
    page = Reader(report.html)
    tags = [tag for tag, _ in page.elements]
    assert set(tags) <= ALLOWED
    assert tags.count("table") == tags.count("caption")
    assert any("99 in vllm" in text for text in page.texts)
    assert "6 of 7" in report.html
    assert "6 of 7 |" in report.markdown
    assert not re.search(r"(?<!\\)<img", report.markdown)
    alone = replace(found, entries=found.entries[:1], pairs=())
    assert TITLE not in report_of([replace(one(), differences=alone)]).markdown


def test_the_markdown_shows_every_picture(single: Report) -> None:
    """By a path that is there."""
    assert set(re.findall(r"\(plots/([^)]+)\)", single.markdown)) == set(single.plots)


def test_the_page_says_how_to_verify(single: Report) -> None:
    """With the very commands."""
    for text in (single.html, single.markdown):
        assert "kit verify yoga.tar.gz\nkit table yoga.tar.gz\nkit report yoga.tar.gz" in text


def test_why_requests_failed_is_told_once_with_where() -> None:
    """In the words of the server, which mean nothing to a browser or to Markdown."""
    reasons = (
        FailureReason("http_status", 503, f"busy {HOSTILE[:60]}", 2),
        FailureReason("connect", None, "no", 1),
    )
    failed = (("vllm", Failures(4, reasons)), ("vllm", None), ("llamacpp", Failures(2, reasons[:1])))
    made = report_of([replace(one(), failed=failed)])
    page = Reader(made.html)
    assert "Failed requests:" in page.texts
    words = " ".join(page.texts)
    assert "HTTP 503, 4 requests (vllm and llamacpp): busy </script></style><img" in words
    assert "connect, 1 request (vllm): no" in words
    assert not any(tag == "img" for tag, _ in page.elements)
    assert "failed requests: HTTP 503, 4 requests (vllm and llamacpp): busy" in made.markdown.replace("\\", "")
    assert "<img" not in made.markdown.replace("\\<", "")
    assert "Failed requests" not in report_of([one()]).html


def test_what_is_not_as_usual_about_counts_is_told_below_the_tables() -> None:
    """The sentences of `kit table`, with entry and users; nothing where all is as usual."""
    said = ("The server's count of tokens was not believed for 2 of 3 answers.", "Not as usual: no [DONE] (1).")
    made = report_of([replace(one(), counted=(("vllm", 4, said),))])
    page = Reader(made.html)
    assert COUNTED in page.texts
    assert "vllm at 4" in page.texts
    assert " ".join(said) in page.texts
    assert f"{COUNTED}:\n\n- vllm at 4: " in made.markdown
    assert "no \\[DONE\\] (1)" in made.markdown.replace("\\(", "(").replace("\\)", ")")
    usual = report_of([one()])
    assert COUNTED not in usual.html + usual.markdown


def test_weights_of_no_catalogue_are_among_the_cautions() -> None:
    """With the hash, which is all that says what was measured."""
    plan = demo_plan()
    mine = replace(plan.model, name="mine", catalogue=False, origin="file")
    given = one()
    assert not any("catalogue" in line for line in cautions(replace(given, plan=plan)))
    (said,) = [line for line in cautions(replace(given, plan=replace(plan, model=mine))) if "catalogue" in line]
    assert said == f"The weights mine are not of the catalogue: sha256 {mine.sha256}, from file."

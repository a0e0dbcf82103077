"""A comparison for people: tables, numbered reasons, and nothing that a stranger's text could do to a page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.catalogue.published import published
from kit.judge.compare import against_published, compare_studies
from kit.judge.compare.text import comparison_text, markdown_text, verdicts_text
from tests.support.documents_compared import COMPARISON
from tests.support.studies import replicated, study, subject

T = "throughput_tok_s"
ONE = study(
    replicated("x", 4, {T: [80.0, 81.0, 82.0]}),
    replicated("x", 8, {T: [90.0, 91.0, 92.0]}),
    subject("y", 4, throughput_tok_s=27.0),
    subject("y", 8, ttft_ms__p50=1.0),
)
PAIRED = compare_studies(ONE, ONE, [("x", "y")], [T])
MARKDOWN = """\
- A: yoga, Made up for a test (self-reported, cccccccccccc)
- B: yoga, Made up for a test (self-reported, cccccccccccc)

1 undecided, 1 not comparable. The verdict is about A; all verdicts of one table together err in \
at most 5 %. Tied: A and B differ by less than 5 %.

**throughput (tok/s)**

| entry   |   users |                 A |    B |   A / B | verdict            |
|---------|---------|-------------------|------|---------|--------------------|
| x / y   |       4 | 81.0 [78.5, 83.5] | 27.0 |  3.00 x | undecided (1)      |
| x / y   |       8 | 91.0 [88.5, 93.5] |    – |       – | not comparable (2) |

(1) 3 and 1 replicates, so no interval\x20\x20
(2) B: no data for throughput\\_tok\\_s\x20\x20
"""  # noqa: RUF001


def test_markdown_has_a_table_a_metric_and_the_reasons_below() -> None:
    """The whole text, as it goes into a document."""
    assert comparison_text(PAIRED) == MARKDOWN


def test_a_terminal_gets_the_same_without_markup() -> None:
    """No bars, no stars, no backslashes."""
    text = comparison_text(PAIRED, markdown=False)
    assert not set("|*\\") & set(text)
    assert "(2) B: no data for throughput_tok_s\n" in text


def test_published_tables_say_the_tolerance_and_refuse_the_product_in_one_sentence() -> None:
    """22 lines with one and the same reason are one sentence; published figures keep their digits."""
    run = study(replicated("llamacpp", 1, {T: [150.0, 152.0, 155.0], "decode_tok_s": [155.0, 156.0, 157.0]}))
    text = comparison_text(against_published(run, published("yoga"), 0.15), markdown=False)
    assert "widened by 15 % on both sides" in text
    assert "22 figures, not comparable: the published figure is decode speed per user times users" in text
    assert "readme: decode x users (tok/s)" in text
    assert "  146.31  " in text
    assert "  2,757.6  " in text


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ([70.0, 71.0, 72.0], "No figure differs. A and B are the same within 5 % by throughput; more"),
        ([60.0, 70.0, 80.0], "No figure differs. A and B are the same within 81 % by throughput; more"),
        ([80.0, 81.0, 82.0], None),
        ([70.0, 71.0], None),
        ([1e-300, 1e300, 1.0], None),
    ],
)
def test_two_runs_without_a_difference_are_the_same_within_what_their_intervals_leave(
    figures: list[float], said: str | None
) -> None:
    """Said only where every figure has an interval and none is apart."""
    a, b = (
        study(replicated("x", 4, {T: figures})),
        replace(study(replicated("x", 4, {T: [70.0, 71.0, 72.0]})), identity="d" * 64),
    )
    text = comparison_text(compare_studies(a, b, metrics=[T]), markdown=False)
    assert (said in text) if said else ("No figure differs" not in text)


def test_what_differs_by_less_than_wanted_is_tied() -> None:
    """The margin is the reader's, and the text says it."""
    a = study(replicated("x", 4, {T: [75.0, 76.0, 77.0]}))
    b = replace(study(replicated("x", 4, {T: [70.0, 71.0, 72.0]})), identity="d" * 64)
    found = [compare_studies(a, b, metrics=[T], within_percent=percent) for percent in (5, 10, 20)]
    assert [each.lines[0].verdict for each in found] == ["faster", "faster", "tied"]
    assert "Tied: A and B differ by less than 20 %." in comparison_text(found[-1])


@pytest.mark.parametrize("markdown", [True, False])
def test_hostile_words_do_nothing(markdown: bool) -> None:
    """No markup, no link, no control character, from names, titles, reasons and notes."""
    bad = "\x1b[31m<script> ![x](http://evil.com) http://evil.com www.evil.com |a| `b` :smile: a:smile: <!--"
    line = replace(COMPARISON.lines[1], entry_a=bad, row_b=bad, table="", reason=bad, caveat=bad)
    found = replace(COMPARISON, a=replace(COMPARISON.a, title=bad), lines=(line,), notes=(bad,))
    text = comparison_text(found, markdown=markdown)
    assert "\x1b" not in text
    if markdown:
        for dangerous in ("<script", "](", "http://", "www.", " |a|", "`b`", ":smile:", "<!--"):
            assert dangerous not in text.replace("\\" + dangerous, "")


def test_plain_words_of_ours_are_left_as_they_are() -> None:
    """Escapes where nothing needs them would only hurt the eye."""
    words = "AWQ weights, another quantisation than the others'. 32 users (see 4.5): no-one's 10 %"
    assert markdown_text(words) == words


def test_no_lines_are_said_in_words() -> None:
    """An empty comparison is not an empty sentence."""
    assert verdicts_text(()) == "nothing to compare"

"""What entries chose of their runtimes stands below the tables and on the page, whole and harmless."""

from __future__ import annotations

from dataclasses import replace

from kit.documents import Plan
from kit.report.method_text import chosen_lines
from kit.report.page.facts import method
from kit.report.page.inputs import PageInput
from kit.text import cell, plain_text
from tests.support.good_bundle import good_plan
from tests.support.studies import study

FLAGS = (
    "--mlock",
    "--override-kv",
    "tokenizer.ggml.add_bos_token=bool:false",
    "--chat-template",
    "<b>*x*</b>" * 9,
)


def flagged() -> Plan:
    """The good plan, its first entry with flags of more than a line and two GPUs."""
    plan = good_plan()
    return replace(plan, entries=(replace(plan.entries[0], flags=FLAGS, gpus=(0, 2)), *plan.entries[1:]))


def test_flags_and_gpus_stand_below_the_tables() -> None:
    """Every one of them, with what Markdown would read as its own escaped; nothing where there are none."""
    assert chosen_lines(good_plan()) == []
    (line,) = chosen_lines(flagged())
    assert line == f"llamacpp-serial: flags {cell(' '.join(FLAGS), 1000)}; GPUs 0, 2."


def test_the_page_has_them_as_they_are() -> None:
    """It escapes what it shows by itself."""
    given = PageInput(study(), "it", "run", plan=flagged())
    assert f"llamacpp-serial: flags {' '.join(FLAGS)}; GPUs 0, 2." in method(given)
    assert chosen_lines(flagged(), plain_text)[0] in method(given)

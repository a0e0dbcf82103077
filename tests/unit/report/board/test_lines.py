"""The lines of a board: what stands beside what, which is the best of its entry, how machines are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.documents import OutputTokens
from kit.documents.index import IndexSigner
from kit.documents.study import Study, Subject
from kit.report.board.charts import MAX_CHARTS, MAX_MACHINES, groups_of
from kit.report.board.exhibits import archive_name, folder_of
from kit.report.board.lines import Line, filters_of, lines_of, machine_names, workload_text
from tests.support.boards import exhibit, machine
from tests.support.studies import CONDITIONS, study, subject, trial


def at(entry: str, users: int, tok_s: float | None, *, suspect: bool = False, model: str = "m") -> Subject:
    made = trial(1, "measured", throughput_tok_s=tok_s, ttft_ms__p50=10.0)
    return replace(
        subject(entry, users, replace(made, suspect=("late",) if suspect else ())), model=model, runtime=entry
    )


def of(cpu: str, *subjects: Subject) -> Study:
    return replace(study(*subjects), machine=machine(cpu))


def best(*subjects: Subject) -> list[int]:
    return [line.users for line in lines_of([exhibit(1, of("a", *subjects))]) if line.best]


def test_the_best_of_an_entry_is_its_highest_throughput() -> None:
    """One for each entry; of two alike the one with fewer users."""
    assert best(at("a", 1, 10.0), at("a", 4, 30.0), at("a", 8, 20.0)) == [4]
    assert best(at("a", 1, 10.0), at("a", 4, 10.0)) == [1]
    assert sorted(best(at("a", 1, 10.0), at("b", 4, 10.0))) == [1, 4]


def test_a_doubtful_figure_is_the_best_only_where_all_are_doubtful() -> None:
    """SUSPECT figures do not lead."""
    assert best(at("a", 1, 10.0), at("a", 4, 30.0, suspect=True)) == [1]
    assert best(at("a", 1, 10.0, suspect=True), at("a", 4, 30.0, suspect=True)) == [4]


def test_an_entry_without_figures_has_a_line() -> None:
    """What was planned and failed stays visible, behind what was measured."""
    lines = lines_of([exhibit(1, of("a", at("a", 1, None), at("b", 1, 5.0)))])
    assert [(line.entry, line.figures[0].value) for line in lines] == [("b", 5.0), ("a", None)]


def test_what_may_be_compared_stands_together() -> None:
    """The model with most bundles first, within it the highest throughput."""
    lines = lines_of(
        [
            exhibit(1, of("a", at("x", 1, 900.0, model="alone"))),
            exhibit(2, of("a", at("x", 1, 10.0, model="often"))),
            exhibit(3, of("b", at("x", 1, 20.0, model="often"))),
        ]
    )
    assert [(line.model, line.figures[0].value) for line in lines] == [
        ("often", 20.0),
        ("often", 10.0),
        ("alone", 900.0),
    ]


def test_machines_that_only_facts_tell_apart_are_numbered() -> None:
    """Two are never one line in a chart or one choice of a filter."""
    one, other = machine("Ryzen"), machine("Ryzen", power_limits_mw=(100_000,))
    names = machine_names([replace(study(), machine=each) for each in (one, other, one)])
    assert names == ("Ryzen, 2 CPUs, 8.0 GB", "Ryzen, 2 CPUs, 8.0 GB (2)", "Ryzen, 2 CPUs, 8.0 GB")


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (CONDITIONS, "short prompts, 16 to 64 tokens"),
        (replace(CONDITIONS, output_tokens=OutputTokens("uniform", 64, 64)), "short prompts, 64 tokens"),
        (replace(CONDITIONS, loop="open"), "short prompts, 16 to 64 tokens, open loop"),
        (replace(CONDITIONS, prompts=None, output_tokens=None, loop="closed"), "workload not stated"),
    ],
)
def test_a_workload_in_words(conditions: object, words: str) -> None:
    """As short as a table needs it."""
    assert workload_text(conditions) == words  # type: ignore[arg-type]


def test_filters_have_the_values_that_occur() -> None:
    """A key that no list names is neither a signer nor nobody."""
    shown = [
        exhibit(1, of("a", at("x", 1, 1.0)), signer=IndexSigner("ada", "SHA256:a")),
        exhibit(2, of("b", at("y", 1, 1.0)), signer=IndexSigner(None, "SHA256:b")),
        exhibit(3, of("b", at("y", 1, 1.0))),
    ]
    found = {each.name: each.values for each in filters_of(lines_of(shown))}
    assert found["signer"] == ("ada", "unknown key", "unsigned")
    assert found["runtime"] == ("x", "y")
    assert found["label"] == ("self-reported",)
    assert len(found["machine"]) == 2


def many(machines: int, entries: int) -> tuple[Line, ...]:
    names = [f"e{number:02d}" for number in range(entries)]
    return lines_of(
        [
            exhibit(number, of(f"M{number}", *(at(name, 1, 1.0 + number) for name in names)))
            for number in range(machines)
        ]
    )


def test_charts_have_no_more_machines_than_can_be_told_apart() -> None:
    """The fastest are drawn, and the page says how many are not."""
    (full,) = groups_of(many(MAX_MACHINES, 1))
    (over,) = groups_of(many(MAX_MACHINES + 2, 1))
    assert (len(full.keys), full.left_out) == (MAX_MACHINES, 0)
    assert (len(over.keys), over.left_out) == (MAX_MACHINES, 2)
    assert len({(key.colour, key.path) for key in full.keys}) == MAX_MACHINES
    assert over.keys[0].machine.startswith(f"M{MAX_MACHINES + 1},")


def test_a_page_has_no_more_charts_than_a_reader_scrolls_through() -> None:
    """However many entries there are."""
    (group,) = groups_of(many(1, MAX_CHARTS + 3))
    assert len(group.charts) == MAX_CHARTS


def test_nothing_is_drawn_of_what_was_not_measured() -> None:
    """No data is no zero."""
    assert groups_of(lines_of([exhibit(1, of("a", at("x", 1, None)))])) == ()


def test_two_bundles_never_have_one_folder() -> None:
    """Sixteen digits name it, all of them where another has these."""
    first, second = "a" * 64, "a" * 16 + "b" * 48
    assert folder_of(first, []) == "bundles/" + "a" * 16
    assert folder_of(second, ["bundles/" + "a" * 16]) == "bundles/" + second


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("cpu-four", "cpu-four-cccccccccccc.tar.gz"),
        ("../../x", "x-cccccccccccc.tar.gz"),
        ("/", "bundle-cccccccccccc.tar.gz"),
    ],
)
def test_the_name_of_a_download_is_harmless(platform: str, name: str) -> None:
    """Whatever the platform of a bundle is called."""
    assert archive_name(platform, "c" * 64) == name

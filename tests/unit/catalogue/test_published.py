"""Figures of others: each with its source and what to think of it, as data that a run can be held against."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kit.assets import asset
from kit.catalogue.published import Published, PublishedRow, PublishedTable, all_published, published
from kit.errors import InputError
from kit.plan.platforms import load_platform, platform_names
from kit.strict import read_yaml
from kit.strict.schema import registry

TABLES = [(each, table) for each in all_published() for table in each.tables]
ROWS = [(each, table, row) for each, table in TABLES for row in table.rows]


def schema() -> Any:
    return json.loads(asset("schemas", "published.v1.json").read_bytes())


def document() -> Any:
    return read_yaml(files("kit.catalogue").joinpath("published.yaml").read_bytes(), "published.yaml").value


def test_the_file_is_as_its_schema_says() -> None:
    """The schema is closed, and the file keeps it."""
    Draft202012Validator.check_schema(schema())
    assert list(Draft202012Validator(schema(), registry=registry()).iter_errors(document())) == []


@pytest.mark.parametrize(("each", "table"), TABLES, ids=lambda value: getattr(value, "name", None))
def test_every_table_says_where_it_is_from(each: Published, table: PublishedTable) -> None:
    """Origin, method, source, and names that are not used twice."""
    assert each.origin
    assert each.method.endswith(".")
    assert table.source
    assert len({row.label for row in table.rows}) == len(table.rows)
    assert [other.name for other in each.tables].count(table.name) == 1


@pytest.mark.parametrize(("each", "table", "row"), ROWS, ids=lambda value: getattr(value, "label", None))
def test_every_row_has_a_caveat_and_entries_of_its_platform(
    each: Published, table: PublishedTable, row: PublishedRow
) -> None:
    """A platform of the same name measures what the row is about; levels rise, values are numbers."""
    assert row.caveat.endswith(".")
    assert row.values
    known = {entry.name: entry for entry in load_platform(each.name).entries}
    assert set(row.entries) <= set(known)
    levels = [level for level, _ in row.values]
    assert levels in ([None], sorted(level for level in levels if level is not None))
    assert all(value > 0 for _, value in row.values)
    if row.comparable and table.metric != "pass_at_1":  # of one answer to each task, however many at once
        assert None not in levels
        assert table.metric != "unstated_tok_s"


def test_what_was_withdrawn_is_never_an_expected_value() -> None:
    """realizar with more than one user: its makers took the figures back."""
    for _, table, row in ROWS:
        if "realizar" in row.label and any(level is None or level > 1 for level, _ in row.values):
            assert not row.comparable, (table.name, row.label)


def test_pace_times_users_is_not_called_throughput() -> None:
    """The README's table says "aggregate"; each figure is a number of one decimal times the users."""
    table = next(table for table in published("yoga").tables if table.name == "readme")
    assert table.metric == "decode_times_concurrency"
    for row in table.rows:
        if row.label != "realizar, README v6.34":
            for level, value in row.values:
                assert round(value / (level or 1), 1) * (level or 1) == pytest.approx(value, abs=1e-6)
    ollama = next(row for row in table.rows if "Ollama" in row.label)
    assert ollama.values[1] == (4, 635.2)


def test_every_platform_that_names_figures_has_them() -> None:
    """And those that were published have a platform."""
    named = {load_platform(name).published for name in platform_names()} - {None}
    assert named == {each.name for each in all_published()}


def test_an_unknown_name_is_told_the_nearest() -> None:
    """yogo -> yoga."""
    with pytest.raises(InputError, match="no published figures 'yogo'") as caught:
        published("yogo")
    assert "'yoga'" in caught.value.remedy

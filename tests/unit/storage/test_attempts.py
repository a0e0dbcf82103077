"""Attempts of a cell: set aside as they are, counted, read again in their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import Cell
from kit.errors import InputError
from kit.storage.attempts import MAX_ATTEMPTS, attempts_made, read_attempts, set_aside
from kit.storage.cell_folder import write_cell
from kit.storage.names import attempt_folder, attempt_name
from kit.storage.run_folder import attempt_names, read_bundle_files
from tests.support.forge import BATCHED, FIRST, path, read
from tests.support.good_bundle import good_files, good_plan


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the files of the good bundle."""
    for name, data in good_files().items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path


def begun_again(run: Path, number: int) -> None:
    """The cell as it would be measured again."""
    cell = read(dict(good_files()), path(BATCHED), Cell)
    (run / "cells" / BATCHED).mkdir()
    write_cell(run / "cells" / BATCHED, replace(cell, attempt=number))


def test_an_attempt_is_set_aside_byte_for_byte(run: Path) -> None:
    """Its folder moves with all that is in it, logs too, and its place is free."""
    (run / "cells" / BATCHED / "server.log").write_bytes(b"words")
    before = {file.name: file.read_bytes() for file in (run / "cells" / BATCHED).iterdir()}
    assert attempts_made(run, BATCHED) == 0
    assert set_aside(run, BATCHED) == 1
    assert {file.name: file.read_bytes() for file in (run / "attempts" / f"{BATCHED}.1").iterdir()} == before
    assert not (run / "cells" / BATCHED).exists()


def test_attempts_are_numbered_and_read_in_their_order(run: Path) -> None:
    """Each cell has numbers of its own; strangers among the folders are passed over."""
    for number in range(1, 12):
        assert set_aside(run, BATCHED) == number
        begun_again(run, number + 1)
    set_aside(run, FIRST)
    (run / "attempts" / "notes").mkdir()
    (run / "attempts" / f"{FIRST}.7").write_bytes(b"a file")
    found = read_attempts(run, good_plan())
    assert [cell.attempt for cell in found[BATCHED]] == list(range(1, 12))
    assert (len(found[FIRST]), attempts_made(run, FIRST)) == (1, 1)
    assert found.keys() == {FIRST, BATCHED}


def test_a_cell_is_not_begun_for_ever(run: Path) -> None:
    """What cell.json cannot count is not set aside."""
    (run / "attempts" / f"{BATCHED}.{MAX_ATTEMPTS - 1}").mkdir(parents=True)
    with pytest.raises(InputError, match="begun 100 times"):
        set_aside(run, BATCHED)
    assert (run / "cells" / BATCHED).is_dir()


def test_attempts_are_bundled_with_the_run(run: Path) -> None:
    """But their logs stay at home."""
    (run / "cells" / BATCHED / "server.log").write_bytes(b"words")
    set_aside(run, BATCHED)
    names = {name for name in read_bundle_files(run) if name.startswith("attempts/")}
    assert {f"attempts/{BATCHED}.1/{name}" for name in ("cell.json", "records.jsonl", "texts.jsonl")} < names
    assert not any(name.endswith(".log") for name in names)


def test_only_attempts_at_cells_of_the_plan_belong_to_it() -> None:
    """Nothing else below the folder is bundled or accepted; before method 3 there were no attempts."""
    plan = replace(good_plan(), method=3)
    good = f"attempts/{BATCHED}.2/cell.json"
    bad = [
        f"attempts/{BATCHED}.0/cell.json", f"attempts/{BATCHED}/cell.json", "attempts/other.1/cell.json",
        f"attempts/{BATCHED}.1/more/cell.json", f"attempts/{BATCHED}.1/run.sh", "attempts/cell.json",
    ]  # fmt: skip
    assert attempt_names(plan, [good, *bad]) == {good}
    assert attempt_names(replace(plan, method=2), [good]) == set()


@pytest.mark.parametrize("number", [1, 9, 10, 999])
def test_the_name_of_an_attempt_says_cell_and_number(number: int) -> None:
    """Also where the name of the cell has a dot itself."""
    for cell in ("r1-c1-a", "r1-c1-a.1"):
        assert attempt_name(attempt_folder(cell, number).removeprefix("attempts/")) == (cell, number)


@pytest.mark.parametrize("name", ["r1-c1-a", "r1-c1-a.", "r1-c1-a.0", "r1-c1-a.01", ".1", "r1-c1-a.1000", "a.1\n"])
def test_any_other_name_is_of_no_attempt(name: str) -> None:
    """No number, or not as the kit writes it."""
    assert attempt_name(name) is None

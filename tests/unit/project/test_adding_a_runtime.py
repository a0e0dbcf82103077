"""The examples of docs/adding-a-runtime.md are whole: the declaration, the container, and the module.

tests/integration/test_adding_a_runtime.py follows the page with a real server.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from kit.runtimes.outside.checks import contract
from kit.runtimes.outside.folder import read_folder
from kit.runtimes.protocol import DeviceEvidence, Runtime, ServedModel
from tests.support.adding import PAGE, blocks, written

MODEL = ServedModel("m", "folder", "ab" * 32, "volume")
NAMES = set(Runtime.__annotations__) | {
    name for name, value in vars(Runtime).items() if callable(value) and not name.startswith("_")
}


@pytest.fixture
def acme(tmp_path: Path) -> Any:
    """The module of the page, imported from a folder with its compose file."""
    for name, text in written().items():
        if name.endswith("compose.yaml"):
            (tmp_path / "compose.yaml").write_text(text)
    (text,) = [each for each in blocks("python") if "CONTAINER_PORT" in each]
    (tmp_path / "acme_runtime.py").write_text(text)
    spec = importlib.util.spec_from_file_location("acme_runtime", tmp_path / "acme_runtime.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_folder_of_the_page_keeps_the_contract(tmp_path: Path) -> None:
    """Whoever copies the blocks has a runtime; so has who adds the container to it."""
    for name, text in written().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    folder, compose = tmp_path / "acme", tmp_path / "acme" / "compose.yaml"
    with_container = compose.read_text()
    compose.unlink()
    points = list(contract(read_folder(folder).runtime))
    assert [point for point in points if not point.holds] == []
    compose.write_text(with_container)
    declared = (folder / "runtime.yaml").read_text()
    (more,) = [each for each in blocks("yaml") if each.startswith("port:")]
    port, variants = more.split("variants:\n")
    (folder / "runtime.yaml").write_text(declared + variants + port)
    both = read_folder(folder).runtime
    assert both.VARIANTS == ("cpu", "cuda")
    assert [point for point in contract(both) if not point.holds] == []


def test_every_key_of_a_declaration_is_on_the_page() -> None:
    """Nothing is left to be found out."""
    from kit.strict.schema import schema

    whole = schema("runtime")
    keys = set(whole["properties"]) | set(whole["$defs"]["setting"]["properties"])
    keys |= set(whole["$defs"]["variant"]["properties"]) | set(whole["$defs"]["device"]["properties"])
    assert {key for key in keys if key not in PAGE} == set()


def test_the_module_has_every_name_of_the_contract(acme: Any) -> None:
    """Whoever copies the page has nothing left to find out."""
    assert {name for name in NAMES if not hasattr(acme, name)} == set()


def test_its_gate_and_its_facts_work(acme: Any) -> None:
    """On the device, elsewhere, and on nothing."""
    assert acme.device("cuda", DeviceEvidence("", "", json.loads('{"device": "cuda"}'))).ok
    assert not acme.device("cuda", DeviceEvidence("", "", {"device": "cpu"})).ok
    assert not acme.device("cuda", DeviceEvidence("", "", None)).ok
    assert acme.disagreements({"slots": 4}, acme.reported({"max_batch": 2}))
    assert acme.disagreements({"slots": 4}, acme.reported({"max_batch": 4})) == ()
    assert acme.counters("acme_generated_tokens 7\n") == {"completion_tokens": 7}
    assert acme.variables("cuda", {"slots": 4}, MODEL)["KIT_SLOTS"] == "4"

"""The example of docs/adding-a-runtime.md is whole: a module that keeps the contract, and a file that fits it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from kit.runtimes.compose import container, read_compose
from kit.runtimes.protocol import DeviceEvidence, Runtime, ServedModel

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "adding-a-runtime.md").read_text(encoding="utf-8")
MODEL = ServedModel("m", "folder", "ab" * 32, "volume")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def acme() -> Any:
    module = ModuleType("acme")
    exec(compile(block("python"), "docs/adding-a-runtime.md", "exec"), module.__dict__)
    return module


def test_the_module_has_every_name_of_the_contract() -> None:
    """Whoever copies the page has nothing left to find out."""
    names = set(Runtime.__annotations__) | {
        name for name, value in vars(Runtime).items() if callable(value) and not name.startswith("_")
    }
    assert {name for name in names if not hasattr(acme(), name)} == set()


def test_the_compose_file_is_one_that_the_kit_reads_and_fits_the_module() -> None:
    """Its variables are those of the module, and every setting is one of them."""
    runtime = acme()
    settings = runtime.explicit("cuda", {"slots": 4}, 2)
    variables = runtime.variables("cuda", settings, MODEL)
    file = read_compose(block("yaml").encode(), "acme.yaml")
    spec = container(file, "cuda", {**variables, "KIT_IMAGE": "kit/acme:cuda-official"})
    assert "4" in spec.command
    assert spec.port == runtime.CONTAINER_PORT
    assert spec.accelerator == "nvidia"
    assert set(re.findall(r"\$\{(KIT_[A-Z_]+)", block("yaml"))) - {"KIT_IMAGE", "KIT_HOST_PORT"} == set(variables)


def test_its_gate_and_its_facts_work() -> None:
    """On the device, elsewhere, and on nothing."""
    runtime = acme()
    assert runtime.device("cuda", DeviceEvidence("", "", json.loads('{"device": "cuda"}'))).ok
    assert not runtime.device("cuda", DeviceEvidence("", "", {"device": "cpu"})).ok
    assert not runtime.device("cuda", DeviceEvidence("", "", None)).ok
    assert runtime.disagreements({"slots": 4}, runtime.reported({"max_batch": 2}))
    assert runtime.disagreements({"slots": 4}, runtime.reported({"max_batch": 4})) == ()
    assert runtime.counters("acme_generated_tokens 7\n") == {"completion_tokens": 7}

"""Runtime modules and compose files speak of the same variants, variables and ports."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from kit.assets import asset
from kit.runtimes.protocol import Runtime, ServedModel
from kit.strict import read_yaml
from tests.support.runtimes import ALL

MODEL = ServedModel("m", "m.gguf", "ab" * 32, "volume")
# What the kit's engine sets beside the runtime module, and what is only for people at a shell.
OTHERS = {"KIT_IMAGE", "KIT_HOST_PORT", "KIT_RENDER_GROUP", "KIT_CACHE_VOLUME"}
OF_THE_MODEL = {"KIT_MODEL_VOLUME", "KIT_MODEL_FILE", "KIT_MODEL_NAME"}
VARIABLE = re.compile(r"\$\{(KIT_[A-Z_]+)")
PAIRS = [
    (runtime, variant)
    for runtime in ALL.values()
    for variant in runtime.VARIANTS
    if variant not in runtime.PROCESS_VARIANTS
]


def compose(runtime: Runtime) -> Any:
    own = runtime.COMPOSE
    data = asset("compose", f"{runtime.NAME}.yaml").read_bytes() if own is None else own.encode()
    return read_yaml(data, f"{runtime.NAME}.yaml").value


def ids(value: object) -> str | None:
    return getattr(value, "NAME", None)


@pytest.mark.parametrize("runtime", ALL.values(), ids=ids)
def test_every_variant_is_a_service_and_no_other(runtime: Runtime) -> None:
    """A variant without a service cannot start, a service without a variant is never started."""
    variants = {variant for variant in runtime.VARIANTS if variant not in runtime.PROCESS_VARIANTS}
    assert set(compose(runtime)["services"] if variants else ()) == variants


@pytest.mark.parametrize(("runtime", "variant"), PAIRS, ids=ids)
def test_a_service_uses_what_its_module_sets_and_nothing_else(runtime: Runtime, variant: str) -> None:
    """A setting that no flag takes would be a lie in the plan; a variable that nobody sets, a hidden default."""
    document = compose(runtime)
    used = set(VARIABLE.findall(json.dumps([document["services"][variant], document["volumes"]])))
    told = set(runtime.variables(variant, runtime.explicit(variant, {}, 4), MODEL))
    assert used - OTHERS <= told
    assert told - OF_THE_MODEL <= used
    assert "KIT_MODEL_VOLUME" in used


@pytest.mark.parametrize(("runtime", "variant"), PAIRS, ids=ids)
def test_a_service_listens_where_its_module_says(runtime: Runtime, variant: str) -> None:
    """The port inside is the module's."""
    (port,) = compose(runtime)["services"][variant]["ports"]
    assert port.startswith("127.0.0.1:")
    assert port.endswith(f":{runtime.CONTAINER_PORT}")

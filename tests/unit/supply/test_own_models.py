"""From the blocks of a platform to its plan, and back from a plan to the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kit.assets import asset
from kit.catalogue import model
from kit.documents import ModelSource, Plan, Platform
from kit.errors import InputError, SourceError
from kit.plan.correctness import load_suite
from kit.plan.plan import make_plan
from kit.plan.platforms import load_platform
from kit.plan.prompts import load_prompts
from kit.plan.weights import weights_of
from kit.strict import plain, typed, write_json
from kit.strict.schema import problems
from kit.supply.own_models import Resolved, fetched, models_of, resolved, settled
from kit.supply.supply import process_supply
from tests.support.gguf_files import COMMIT, Hub, gguf, serving

DATA, OTHER = gguf(), gguf({"general.name": "Other", "tokenizer.chat_template": "{{ messages }}"})
SHA, OTHER_SHA = sha256(DATA).hexdigest(), sha256(OTHER).hexdigest()
DEMO = asset("compose", "platforms", "demo.yaml").read_text(encoding="utf-8")
MODEL = "model: smollm2-135m-instruct-q4_1"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub({"tiny.gguf": DATA})) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def platform(tmp_path: Path, block: str, own: str = "") -> Platform:
    """The demo with this block as its model, and another as that of its second entry."""
    text = DEMO.replace(MODEL, f"model: {block}")
    if own:
        text = text.replace("settings: {slots: 4}", f"settings: {{slots: 4}}\n    model: {own}")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    return load_platform(str(tmp_path / "mine.yaml"))


def planned(found: Resolved) -> Plan:
    suite = load_suite(found.platform.correctness.name, found.platform.correctness.level)
    prompts = load_prompts(found.platform.workload.prompts)
    first = found.models.named(found.platform.model)
    return make_plan(found.platform, first, prompts, suite, cpus=2, seed=None, models=found.models)


def test_a_platform_without_blocks_is_left_as_it_is() -> None:
    """Nothing is looked for."""
    demo = load_platform("demo")
    assert resolved(demo) == Resolved(demo)
    assert models_of(planned(Resolved(demo))).own == {}


def test_a_plan_names_a_file_by_its_hash_and_never_by_its_path(tmp_path: Path) -> None:
    """Two files for two entries; the plan is one that every kit can read."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "A.gguf").write_bytes(DATA)
    (tmp_path / "secret" / "B.gguf").write_bytes(OTHER)
    found = resolved(platform(tmp_path, "{file: secret/A.gguf}", "{file: secret/B.gguf, name: bee}"))
    plan = planned(found)
    written = write_json(plain(plan))
    assert b"secret" not in written
    assert problems(plain(plan), "plan") == []
    assert typed(Plan, plain(plan), "plan") == plan
    assert (plan.model.name, plan.model.file, plan.model.sha256, plan.model.bytes) == (
        "a",
        "A.gguf",
        SHA,
        len(DATA),
    )
    assert (plan.model.catalogue, plan.model.origin, plan.model.chat_template) == (False, "file", "chatml")
    (pin,) = plan.models
    assert (pin.name, pin.sha256, pin.catalogue, pin.chat_template) == ("bee", OTHER_SHA, False, None)
    assert [weights_of(plan, entry).sha256 for entry in plan.entries] == [SHA, OTHER_SHA]
    supply = process_supply(plan, {name: fetched(each) for name, each in models_of(plan).own.items()})
    assert [supply.weights_sha256(entry) for entry in plan.entries] == [SHA, OTHER_SHA]
    assert [Path(supply.weights_file(entry) or "").name for entry in plan.entries] == ["A.gguf", "B.gguf"]


def test_a_plan_without_blocks_is_what_it_was(tmp_path: Path) -> None:
    """No field of theirs stands in it."""
    del tmp_path
    written = write_json(plain(planned(Resolved(load_platform("demo")))))
    assert all(word not in written for word in (b"catalogue", b"origin", b"chat_template", b"default_system"))


def test_a_run_that_goes_on_finds_its_file_by_the_hash(tmp_path: Path) -> None:
    """Where it was; moved, as soon as somebody has looked at it; and not with another content."""
    path = tmp_path / "a.gguf"
    path.write_bytes(DATA)
    asked = platform(tmp_path, "{file: a.gguf}")
    plan = planned(resolved(asked))
    again = settled(asked, plan)
    assert (again.platform.model, again.models.named("a").path) == ("a", str(path))
    path.rename(tmp_path / "b.gguf")
    with pytest.raises(SourceError, match="no longer where it was") as caught:
        models_of(plan)
    assert "kit models show FILE" in caught.value.remedy
    resolved(platform(tmp_path, "{file: b.gguf}"))
    assert models_of(plan).named("a").path == str(tmp_path / "b.gguf")
    (tmp_path / "b.gguf").write_bytes(OTHER)
    with pytest.raises(SourceError, match="no longer where it was"):
        models_of(plan)


def test_a_run_that_goes_on_fetches_from_its_hub_what_is_gone(hub: Hub, tmp_path: Path) -> None:
    """At the commit of the plan."""
    plan = planned(resolved(platform(tmp_path, "{hf: Org/Repo}")))
    assert plan.model.origin == f"hf:Org/Repo:tiny.gguf@{COMMIT}"
    hub.seen.clear()
    assert fetched(models_of(plan).named("tiny")).read_bytes() == DATA
    assert hub.paths() == [f"/Org/Repo/resolve/{COMMIT}/tiny.gguf"]


def test_a_model_of_the_catalogue_that_lies_elsewhere_is_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was hashed before is found by that."""
    (tmp_path / "x.gguf").write_bytes(DATA)
    resolved(platform(tmp_path, "{file: x.gguf}"))
    monkeypatch.setattr("kit.supply.own_models.fetch", lambda *_: pytest.fail("nothing is to be fetched"))
    assert fetched(replace(model("smollm2-135m-instruct-q4_1"), sha256=SHA)) == tmp_path / "x.gguf"


def test_two_models_of_one_name_are_refused(hub: Hub, tmp_path: Path) -> None:
    """Whatever their blocks were called."""
    (tmp_path / "tiny.gguf").write_bytes(OTHER)
    with pytest.raises(InputError, match="Two models would be called 'tiny'"):
        resolved(platform(tmp_path, "{hf: Org/Repo}", "{file: tiny.gguf}"))
    assert hub.seen


def test_a_runtime_that_loads_folders_is_refused_a_file(tmp_path: Path) -> None:
    """vLLM loads safetensors."""
    (tmp_path / "m.gguf").write_bytes(DATA)
    smol = load_platform("smol")
    source = ModelSource(file=str(tmp_path / "m.gguf"))
    entries = tuple(replace(entry, model="m") for entry in smol.entries)
    with pytest.raises(InputError, match="vllm loads a folder of safetensors"):
        resolved(replace(smol, entries=entries, sources={"m": source}))


def test_a_file_that_changed_after_it_was_planned_is_refused(tmp_path: Path) -> None:
    """The plan names a hash."""
    (tmp_path / "a.gguf").write_bytes(DATA)
    plan = planned(resolved(platform(tmp_path, "{file: a.gguf}")))
    (tmp_path / "a.gguf").write_bytes(OTHER)
    with pytest.raises(SourceError, match=f"has sha256 {OTHER_SHA}") as caught:
        process_supply(plan, tmp_path / "a.gguf")
    assert "kit models fetch" not in caught.value.remedy

"""Runtimes from outside: what may stand in runtime.yaml, where they are found, what a plan carries."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import Entry
from kit.errors import InputError
from kit.plan.platforms import load_platform
from kit.runtimes import OWN, RUNTIMES, runtime_names
from kit.runtimes.chosen import explicit
from kit.runtimes.launch import entry_container, entry_process
from kit.runtimes.outside import search
from kit.runtimes.outside.checks import contract
from kit.runtimes.outside.declaration import read_declaration
from kit.runtimes.outside.folder import read_folder
from kit.runtimes.planned import declared_runtime
from kit.runtimes.protocol import DeviceEvidence, ServedModel
from tests.support.outside_bundles import DECLARATION
from tests.support.runtimes import ALL, FOLDER, NAMES, outside

COMPOSE = (FOLDER / "sglang" / "compose.yaml").read_text(encoding="utf-8")
MODEL = ServedModel("m", "folder", "ab" * 32, "volume")


@pytest.fixture(autouse=True)
def none_of_the_users(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(search.VARIABLE, raising=False)
    search._found.cache_clear()
    yield
    search._found.cache_clear()


def folder_of(path: Path, text: str = DECLARATION) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "runtime.yaml").write_text(text, encoding="utf-8")
    return path


# --- the contract -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_every_runtime_keeps_the_contract_that_outsiders_are_checked_by(name: str) -> None:
    """`kit runtimes check` demands of nobody what the kit's own runtimes do not do."""
    points = list(contract(ALL[name]))
    assert len(points) >= 8
    assert [(point.variant, point.what, point.why) for point in points if not point.holds] == []


@pytest.mark.parametrize(
    ("old", "new", "what", "why"),
    [
        ('"--host", "${host}", ', "", "the process has its model", "127.0.0.1"),
        ("{kind: cpu}", "{kind: other, path: /props, at: [build_info], one_of: [x]}", "", ""),
    ],
)
def test_a_point_that_does_not_hold_says_why(tmp_path: Path, old: str, new: str, what: str, why: str) -> None:
    """One point alone; a device check with evidence is none of them."""
    assert DECLARATION.count(old) == 1
    runtime = read_folder(folder_of(tmp_path / "acme", DECLARATION.replace(old, new))).runtime
    failed = [point for point in contract(runtime) if not point.holds]
    assert len(failed) == bool(what)
    for point in failed:
        assert what in point.what
        assert why in point.why


def test_a_container_with_rights_is_no_isolated_one(tmp_path: Path) -> None:
    """Root, a writable image, capabilities: each is named with what to write."""
    folder = folder_of(tmp_path / "sglang", (FOLDER / "sglang" / "runtime.yaml").read_text())
    (folder / "cuda.Dockerfile").write_text("FROM scratch\n")
    loose = COMPOSE.replace('user: "10001:10001"', 'user: "0:0"').replace("read_only: true", "read_only: false")
    (folder / "compose.yaml").write_text(loose)
    (failed,) = [point for point in contract(read_folder(folder).runtime) if not point.holds]
    assert failed.what == "the container is isolated"
    assert 'user: "10001:10001"' in failed.why
    assert "read_only: true" in failed.why


# --- runtime.yaml -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kit/runtime/1", "kit/runtime/2", "kit/runtime/1"),
        ("api: openai", "api: grpc", "openai"),
        ("form: gguf", "form: hub", "gguf"),
        ("low: 1, high: 64", "low: 9, high: 64", "default, low and high"),
        ('flags: ["--slots", "${value}"]', "flags: []", "it changes nothing"),
        ('flags: ["--slots", "${value}"]', 'flags: ["--slots", "4"]', "do not name ${value}"),
        ('flags: ["--slots", "${value}"]', 'flags: ["--slots", "${port}"]', "none of its variables"),
        ('flags: ["--slots", "${value}"]', 'flags: ["--slots", "${value:-1}"]', "none of its variables"),
        ('flags: ["--slots", "${value}"]', 'flags: ["--slots", "$(id)"]', "dollar sign"),
        ('flags: ["--slots", "${value}"]', 'choices: [a], flags: ["${value}"]', "always optional"),
        ('"${model}", "--host"', '"--host"', "nothing names ${model}"),
        ('"--port", "${port}"', '"--port", "8080"', "nothing names ${port}"),
        ("    program: acme-server\n", "", "neither a program nor an image"),
        ("program: acme-server", "program: /usr/bin/acme", "does not have the form"),
        ("{kind: cpu}", "{kind: nvidia}", "nothing shows that it computes on that device"),
        ("{kind: cpu}", "{kind: cpu, path: /props}", "without path, at or one_of"),
        ("    device: {kind: cpu}", "    device: {kind: cpu}\n    settings: [slots, slot]", "slot is no setting"),
        ("settings: {slots: {at", "settings: {slotz: {at", "slotz is no setting"),
        ("path: /props, version", "path: props, version", "does not have the form"),
        ("title: Acme's server", "title: Acme's server\nexec: rm", "exec"),
    ],
)
def test_what_is_wrong_in_a_declaration_is_named(old: str, new: str, words: str) -> None:
    """File, line and the key or the reason; no shell, no program of a place, no variable of another kind."""
    assert DECLARATION.count(old) >= 1
    with pytest.raises(InputError, match=r"mine/runtime\.yaml") as caught:
        read_declaration(DECLARATION.replace(old, new, 1).encode(), "mine/runtime.yaml")
    assert words in str(caught.value)


def test_settings_become_flags_and_variables_by_their_declaration() -> None:
    """In the order of the file, each item one word; by value where it says so; optional ones only if asked for."""
    runtime = outside("sglang").runtime
    entry = Entry("e", "sglang", "cuda", {"kv_type": "fp8_e4m3"}, flags=("--dtype", "a b; rm -rf /"), gpus=(1, 3))
    whole = replace(entry, settings=explicit(runtime, entry, 8))
    spec = entry_container(whole, MODEL, "image", runtime=runtime)
    assert spec.command[-9:] == (
        *("--context-length", "4096", "--max-running-requests", "128", "--disable-radix-cache"),
        *("--kv-cache-dtype", "fp8_e4m3", "--dtype", "a b; rm -rf /"),
    )
    assert (spec.gpus, spec.labels["org.kit.gpus"]) == ((1, 3), "1,3")
    cached = replace(whole, settings={**whole.settings, "radix_cache": 1})
    assert "--disable-radix-cache" not in entry_container(cached, MODEL, "image", runtime=runtime).command


def test_a_process_has_its_folder_and_shows_no_place_of_this_machine() -> None:
    """Started from where it lies; a record says RUNTIME, as who has only the plan does."""
    runtime = outside("transformers").runtime
    entry = Entry("e", "transformers", "cpu", explicit(runtime, Entry("e", "transformers", "cpu", {}), 6))
    spec = entry_process(entry, "cell", "/weights", 8123, runtime)
    assert spec.command[:3] == ("python3", f"{FOLDER / 'transformers'}/serve.py", "/weights")
    assert spec.environment["OMP_NUM_THREADS"] == "6"
    assert spec.environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert spec.hidden == {str(FOLDER / "transformers"): "RUNTIME"}
    pin = outside("transformers").pin
    from_the_plan = declared_runtime(pin.declaration or "", pin.compose)
    assert from_the_plan is not None
    shown = tuple(word.replace(str(FOLDER / "transformers"), "RUNTIME") for word in spec.command)
    assert entry_process(entry, "cell", "/weights", 8123, from_the_plan).command == shown


@pytest.mark.parametrize(
    ("facts", "ok", "words"),
    [
        ({"device": "cuda"}, True, "cuda"),
        ({"device": "cpu"}, False, "says cpu at device, not cuda"),
        ({}, False, "says nothing at device"),
        (None, False, "says nothing"),
        ({"device": ["cuda"]}, False, "not cuda"),
    ],
)
def test_a_declared_device_is_believed_by_what_the_server_says(facts: object, ok: bool, words: str) -> None:
    """The name is that of NVIDIA's tool where it lists one."""
    runtime = outside("sglang").runtime
    found = runtime.device("cuda", DeviceEvidence("", "", facts))
    assert found.ok == ok
    assert words in (found.device or found.reason)
    listed = DeviceEvidence("", "GPU 0: NVIDIA H200 (UUID: GPU-1)\n", {"device": "cuda"})
    assert runtime.device("cuda", listed).device == "NVIDIA H200"


def test_a_declared_server_must_tell_what_it_can_tell() -> None:
    """Equal is equal, at-least may be more, silence is a disagreement."""
    runtime = outside("sglang").runtime
    planned = {"context_tokens": 4096, "max_running_requests": 128}
    assert (
        runtime.disagreements(planned, runtime.reported({"context_length": 4096, "max_running_requests": 128}))
        == ()
    )
    wrong = runtime.disagreements(planned, runtime.reported({"context_length": 4096, "max_running_requests": 64}))
    assert wrong == ("the server says max_running_requests is 64, the plan says 128",)
    assert len(runtime.disagreements(planned, {})) == 2
    more = DECLARATION.replace("holds: equal", "holds: at-least")
    generous = declared_runtime(more, None)
    assert generous is not None
    assert generous.disagreements({"slots": 4}, generous.reported({"total_slots": 5})) == ()
    assert generous.disagreements({"slots": 4}, generous.reported({"total_slots": 3})) != ()


# --- folders ----------------------------------------------------------------------------------------------


def test_a_folder_has_one_hash_whatever_lies_hidden_in_it(tmp_path: Path) -> None:
    """Files of editors and caches of Python do not count; any other byte does."""
    folder = folder_of(tmp_path / "acme")
    before = read_folder(folder).pin
    (folder / ".git").write_text("x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert read_folder(folder).pin == before
    (folder / "notes.md").write_text("x")
    assert read_folder(folder).pin.sha256 != before.sha256


def test_what_is_no_folder_of_a_runtime_is_refused(tmp_path: Path) -> None:
    """No declaration, a link, a missing file, a service too many: each says what to do."""
    with pytest.raises(InputError, match=r"has no runtime\.yaml"):
        read_folder(tmp_path)
    folder = folder_of(tmp_path / "acme")
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="no plain file"):
        read_folder(folder)
    (folder / "link").unlink()
    folder_of(folder, DECLARATION.replace('["${model}"', '["${runtime}/serve.py", "${model}"'))
    with pytest.raises(InputError, match=r"has no serve\.py"):
        read_folder(folder)
    folder_of(folder)
    (folder / "compose.yaml").write_text(COMPOSE)
    with pytest.raises(InputError, match="has the services cuda"):
        read_folder(folder)


def test_folders_are_found_by_the_path_and_only_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder itself, or one that holds some; the kit's own names need no look at it."""
    monkeypatch.setenv(search.VARIABLE, os.pathsep.join((str(FOLDER), str(folder_of(tmp_path / "acme")))))
    assert runtime_names() == [*OWN, "sglang", "transformers", "acme"]
    assert RUNTIMES["acme"].NAME == "acme"
    assert list(RUNTIMES) == list(OWN)
    monkeypatch.setenv(search.VARIABLE, str(tmp_path / "nowhere"))
    assert RUNTIMES["llamacpp"] is OWN["llamacpp"]
    with pytest.raises(InputError, match="is no folder"):
        RUNTIMES.get("acme")
    monkeypatch.setenv(search.VARIABLE, str(tmp_path / "acme" / ".."))
    assert "acme" in RUNTIMES


def test_a_name_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one of the kit's, nor that of another folder; the same folder twice is no matter."""
    one, same = folder_of(tmp_path / "one"), folder_of(tmp_path / "same")
    monkeypatch.setenv(search.VARIABLE, os.pathsep.join((str(one), str(same))))
    assert RUNTIMES["acme"].NAME == "acme"
    folder_of(tmp_path / "other", DECLARATION.replace("high: 64", "high: 65"))
    monkeypatch.setenv(search.VARIABLE, os.pathsep.join((str(one), str(tmp_path / "other"))))
    with pytest.raises(InputError, match="Two runtimes have the name acme"):
        RUNTIMES.get("acme")
    folder_of(tmp_path / "mine", DECLARATION.replace("name: acme", "name: vllm"))
    monkeypatch.setenv(search.VARIABLE, str(tmp_path / "mine"))
    with pytest.raises(InputError, match="name vllm of one of the kit's"):
        RUNTIMES.get("acme")


# --- modules of packages ----------------------------------------------------------------------------------


def installed(folder: Path, name: str, code: str) -> None:
    """A package as an installer leaves it, with an entry point."""
    folder.mkdir()
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[kit.runtimes]\n{name} = {name}\n")


def test_a_module_of_a_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is used as it is; the plan has the hash of its file and what its API can do, and no declaration."""
    code = "from kit.runtimes.llamacpp import *  # noqa: F403\nNAME = 'copied'\nCOMPOSE = None\n"
    installed(tmp_path / "site", "kit_copied", code)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = search.found()["copied"]
    assert found.runtime.VARIANTS == OWN["llamacpp"].VARIANTS
    assert found.pin.declaration is None
    assert found.pin.ignore_eos
    assert list(found.pin.files) == ["kit_copied.py"]


@pytest.mark.parametrize(("code", "words"), [("1 / 0", "ZeroDivisionError"), ("NAME = 'x'", "is no runtime")])
def test_a_module_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    """The entry point and the reason."""
    name = f"kit_bad_{len(words)}"
    installed(tmp_path / "site", name, code)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(InputError, match=words) as caught:
        search.found()
    assert name in caught.value.what


# --- platforms --------------------------------------------------------------------------------------------


def test_a_platform_may_name_what_the_path_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the folder its name is unknown, and the remedy lists those that are."""
    with pytest.raises(InputError, match="unknown runtime 'transformers'"):
        load_platform(str(FOLDER / "beside-llamacpp.yaml"))
    monkeypatch.setenv(search.VARIABLE, str(FOLDER))
    entry = load_platform(str(FOLDER / "beside-llamacpp.yaml")).entries[1]
    assert entry.runtime == NAMES[1]

"""The kit's reader and a real Docker Compose read the same meaning out of the same file."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.assets import asset
from kit.documents.container import ContainerSpec
from kit.errors import InputError
from kit.runtimes.compose import container, read_compose
from kit.runtimes.compose.amounts import duration_ns, size_bytes
from kit.runtimes.compose.interpolate import TemplateError, interpolate
from tests.support.not_tested import not_tested

pytestmark = pytest.mark.integration

# Every form of the subset that the files of the kit do not use themselves.
FORMS = """\
x-note: {anything: [goes, here]}
services:
  long:
    image: ${KIT_IMAGE:?the image}
    entrypoint: sh -c
    command: serve --model '/a b' "${KIT_MODEL_NAME-none}" --price 5$$ ''
    environment: ["A=${KIT_SLOTS:-4}", "B=x=y", "C=", "D=$$HOME $KIT_SLOTS_OR_ELSE"]
    user: app
    working_dir: /srv
    volumes:
      - {type: volume, source: models, target: /m, read_only: true}
      - {type: tmpfs, target: /scratch, tmpfs: {size: 1048576}}
      - data:/data
    tmpfs: /run
    ports: [{target: 8080, published: 9}, "8080"]
    group_add: ["44", video]
    cap_add: [SYS_NICE]
    security_opt: ["seccomp:unconfined", "no-new-privileges:true"]
    mem_limit: 1073741824
    shm_size: 512mb
    pids_limit: ${KIT_PIDS:-64}
    ulimits: {nofile: {soft: 4096, hard: 4096}}
    cpuset: 0-1
    stop_grace_period: 1h5m30s20ms
    labels: {com.example.a: "${KIT_SLOTS:-4}", x-b: "1"}
    restart: "no"
    devices: ["/dev/kfd:/dev/kfd:rwm", "/dev/dri:/dev/dri"]
    networks: {inside: }
    x-kit: ignored
  short:
    image: "kit/a:b"
    command: [a, "b c", "${KIT_NOTHING:-}", "}{"]
    environment: {N: 5, S: "6", E: ""}
    expose: [8080]
    read_only: ${KIT_READ_ONLY:-true}
    init: false
    mem_limit: 5m
    stop_grace_period: 500ms
    labels: ["com.example.a=b=c"]
    devices: [/dev/dri]
networks:
  inside: {internal: true}
volumes:
  models: {name: "${KIT_MODEL_VOLUME:-kit-models}", external: true}
  data: {name: kit-data}
"""
GIVEN = {"KIT_IMAGE": "kit/given:tag", "KIT_SLOTS_OR_ELSE": "given"}
VARIABLES: list[dict[str, str]] = [
    {},
    {
        "KIT_SLOTS": "32",
        "KIT_PARALLEL": "32",
        "KIT_CONTEXT": "65536",
        "KIT_CONTEXT_PER_SLOT": "2048",
        "KIT_THREADS": "16",
        "KIT_BATCH": "1024",
        "KIT_UBATCH": "256",
        "KIT_GPU_LAYERS": "7",
        "KIT_MAX_MODEL_LEN": "2048",
        "KIT_MAX_NUM_SEQS": "16",
        "KIT_GPU_MEMORY_PERCENT": "0.55",
        "KIT_DTYPE": "float16",
        "KIT_KV_GIB": "3",
        "KIT_NUM_PARALLEL": "5",
        "KIT_RENDER_GROUP": "992",
        "KIT_MODEL_VOLUME": "other-models",
        "KIT_MODEL_FILE": "folder/a model.gguf",
        "KIT_MODEL_NAME": "$odd ${name} $$",
        "KIT_HOST_PORT": "18080",
        "KIT_READ_ONLY": "false",
        "KIT_PIDS": "99",
    },
    {"KIT_SLOTS": "", "KIT_THREADS": "", "KIT_MODEL_FILE": "", "KIT_MODEL_NAME": "", "KIT_RENDER_GROUP": ""},
]
FILES = {path.name: path.read_bytes() for path in sorted(asset("compose").glob("*.yaml"))} | {
    "forms.yaml": FORMS.encode()
}


@pytest.fixture(scope="module")
def compose(request: pytest.FixtureRequest) -> str:
    """Debian's docker-compose: 1.29, the last one in Python."""
    found = shutil.which("docker-compose")
    if found is None:
        not_tested(request, "docker-compose is missing: apt-get install docker-compose")
    version = subprocess.run([found, "version", "--short"], capture_output=True, text=True, check=False).stdout
    if not version.startswith("1."):
        not_tested(request, f"docker-compose is {version.strip()}, whose output this test does not know")
    return found


def configured(compose: str, folder: Path, data: bytes, variables: dict[str, str]) -> dict[str, Any]:
    """What `docker-compose config` makes of a file; `name` is newer than this release."""
    lines = [line for line in data.decode().splitlines() if not line.startswith("name:")]
    (folder / "compose.yaml").write_text("\n".join(lines), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [compose, "-f", str(folder / "compose.yaml"), "config"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "variable is not set" not in done.stderr, done.stderr
    document: dict[str, Any] = undoubled(yaml.safe_load(done.stdout))
    return document


def undoubled(value: Any) -> Any:
    """The document without the doubling of dollar signs that `config` adds."""
    if isinstance(value, dict):
        return {key: undoubled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [undoubled(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


# --- one form for both ----------------------------------------------------------------------------------


def theirs(document: dict[str, Any], service: str) -> dict[str, Any]:
    """A service as docker-compose has it, in the words of a `ContainerSpec`."""
    has = document["services"][service]
    devices = {device.split(":")[0] for device in has.get("devices", [])}
    reserved = has.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    assert [request["count"] for request in reserved] in ([], ["all"])
    nofile = has.get("ulimits", {}).get("nofile")
    return {
        "image": has["image"],
        "command": words(has.get("command")) or (),
        "entrypoint": words(has.get("entrypoint")),
        "environment": {key: str(value) for key, value in has.get("environment", {}).items()},
        "user": has.get("user"),
        "working_dir": has.get("working_dir"),
        "mounts": [found for v in has.get("volumes", []) if (found := mount(v, document["volumes"]))],
        "tmpfs": sorted(filter(None, [tmpfs(v) for v in has.get("volumes", []) + listed(has.get("tmpfs", []))])),
        "accelerator": accelerator(devices, bool(reserved)),
        "group_add": [str(group) for group in has.get("group_add", [])],
        "read_only": has.get("read_only", False),
        "cap_add": has.get("cap_add", []),
        "cap_drop": has.get("cap_drop", []),
        "security_opt": has.get("security_opt", []),
        "init": has.get("init", False),
        "memory_bytes": size(has.get("mem_limit")),
        "shm_bytes": size(has.get("shm_size")),
        "pids_limit": int(has["pids_limit"]) if "pids_limit" in has else None,
        "nofile": nofile["hard"] if isinstance(nofile, dict) else nofile,
        "cpuset": has.get("cpuset"),
        "stop_grace_ns": duration_ns(has.get("stop_grace_period", "10s")),
        "labels": has.get("labels", {}),
        "ports": ports(has),
    }


def ours(spec: ContainerSpec) -> dict[str, Any]:
    """The kit's reading in the same form."""
    return {
        "image": spec.image,
        "command": spec.command,
        "entrypoint": spec.entrypoint,
        "environment": spec.environment,
        "user": spec.user,
        "working_dir": spec.working_dir,
        "mounts": [(mount.volume, mount.target, mount.read_only) for mount in spec.mounts],
        "tmpfs": sorted((tmpfs.target, tmpfs.size_bytes or 0) for tmpfs in spec.tmpfs),
        "accelerator": spec.accelerator,
        "group_add": list(spec.group_add),
        "read_only": spec.read_only,
        "cap_add": list(spec.cap_add),
        "cap_drop": list(spec.cap_drop),
        "security_opt": list(spec.security_opt),
        "init": spec.init,
        "memory_bytes": spec.memory_bytes,
        "shm_bytes": spec.shm_bytes,
        "pids_limit": spec.pids_limit,
        "nofile": spec.nofile,
        "cpuset": spec.cpuset,
        "stop_grace_ns": round(spec.stop_grace_s * 1_000_000_000),
        "labels": spec.labels,
        "ports": {spec.port},
    }


def words(command: str | list[str] | None) -> tuple[str, ...] | None:
    return None if command is None else tuple(shlex.split(command) if isinstance(command, str) else command)


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def mount(volume: Any, declared: dict[str, Any]) -> tuple[str, str, bool] | None:
    if isinstance(volume, str):
        source, target, *mode = volume.split(":")
        return declared[source]["name"], target, mode == ["ro"]
    if volume["type"] != "volume":
        return None
    return declared[volume["source"]]["name"], volume["target"], volume.get("read_only", False)


def tmpfs(entry: Any) -> tuple[str, int] | None:
    if isinstance(entry, dict):
        return (entry["target"], entry["tmpfs"]["size"]) if entry["type"] == "tmpfs" else None
    if not entry.startswith("/"):
        return None
    target, _, option = entry.partition(":size=")
    return target, size_bytes(option) if option else 0


def accelerator(devices: set[str], reserved: bool) -> str:
    known = {(): "none", ("/dev/dri",): "vulkan", ("/dev/dri", "/dev/kfd"): "rocm"}
    return "nvidia" if reserved else known[tuple(sorted(devices))]


def size(value: str | int | None) -> int | None:
    return size_bytes(value) if isinstance(value, str) else value


def ports(has: dict[str, Any]) -> set[int]:
    published = [port["target"] if isinstance(port, dict) else port for port in has.get("ports", [])]
    inside = [str(port).rpartition(":")[2].partition("/")[0] for port in published + has.get("expose", [])]
    return set(map(int, inside))


# --- the comparison -------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", VARIABLES, ids=["defaults", "given", "empty"])
@pytest.mark.parametrize("name", FILES)
def test_both_read_the_same_meaning(compose: str, tmp_path: Path, name: str, given: dict[str, str]) -> None:
    """Every service of every file, with defaults, with every variable given, and with empty ones."""
    variables = {**GIVEN, **given} if name == "forms.yaml" else given
    document = configured(compose, tmp_path, FILES[name], variables)
    file = read_compose(FILES[name], f"compose/{name}")
    assert set(file.services) == set(document["services"])
    for service in file.services:
        assert ours(container(file, service, variables)) == theirs(document, service), service


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("init: false", "init: maybe"),
        ("expose: [8080]", "expose: [eighty]"),
        ("mem_limit: 5m", "mem_limit: [5m]"),
        ("command: [a,", "command: [5,"),
        ("image: ${KIT_IMAGE:?the image}", "image: ${KIT_ABSENT:?the image}"),
        ("image: ${KIT_IMAGE:?the image}", "image: ${KIT_IMAGE:?the image"),
        ("image: ${KIT_IMAGE:?the image}", "image: $5"),
        ("working_dir: /srv", "workingdir: /srv"),
        ("- data:/data", "- date:/data"),
        ("stop_grace_period: 500ms", "stop_grace_period: 500"),
        ("cap_add: [SYS_NICE]", "cap_add: [SYS_NICE, SYS_NICE]"),
        ("environment: {N: 5,", "environment: {N: true,"),
    ],
)
def test_what_compose_refuses_the_kit_refuses(compose: str, tmp_path: Path, old: str, new: str) -> None:
    """The kit may be stricter, never laxer."""
    changed = FORMS.replace(old, new, 1).encode()
    assert changed != FORMS.encode()
    (tmp_path / "compose.yaml").write_bytes(changed)
    done = subprocess.run(
        [compose, "-f", "compose.yaml", "config"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **GIVEN},
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    with pytest.raises(InputError):
        _ = [container(read_compose(changed, "f.yaml"), service, GIVEN) for service in ("long", "short")]


REFERENCE = """\
import json, sys
from compose.config.interpolation import Interpolator, TemplateWithDefaults, UnsetRequiredSubstitution
def answer(text, variables):
    try:
        return Interpolator(TemplateWithDefaults, variables).interpolate(text)
    except (UnsetRequiredSubstitution, KeyError):
        return None
print(json.dumps([answer(*case) for case in json.load(sys.stdin)]))
"""


def test_a_thousand_strings_are_filled_in_alike(compose: str) -> None:
    """Against Compose's own interpolation; nesting and `+` are newer than this release, and left out."""
    with Path(compose).open("rb") as script:
        python = script.readline().decode(errors="replace").removeprefix("#!").split()
    chance = random.Random(4)
    cases = [(template(chance), {"A": "one", "B": "", "_c": "x y"}) for _ in range(1000)]
    done = subprocess.run(
        [*python, "-c", REFERENCE], input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for (text, variables), expected in zip(cases, json.loads(done.stdout), strict=True):
        try:
            found: str | None = interpolate(text, variables)
        except TemplateError:
            found = None
        assert found == expected, text


def template(chance: random.Random) -> str:
    """A string with a few variables in it."""
    pieces = []
    for _ in range(chance.randint(1, 6)):
        name = chance.choice(["A", "B", "_c", "NO"])
        word = "".join(chance.choices("ab -?:+/.", k=chance.randint(0, 4)))
        operator = chance.choice([":-", "-", ":?", "?"])
        forms = ["$$", f"${name} ", f"${{{name}}}", f"${{{name}{operator}{word}}}", word, "{", "}"]
        pieces.append(chance.choice(forms))
    return "".join(pieces)

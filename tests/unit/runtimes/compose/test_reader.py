"""Compose files: what a service means, and what is refused with file, line, key and remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents.container import ContainerSpec, Mount, Tmpfs
from kit.errors import InputError
from kit.runtimes.compose import container, read_compose

FULL = """\
# Everything that the subset knows.
name: kit
x-note: {anything: [goes, here]}
services:
  cuda:
    image: ${KIT_IMAGE:-kit/llamacpp:cuda-source}
    entrypoint: [llama-server]
    command: ["--model", "/models/${KIT_MODEL_FILE:-model.gguf}", "--parallel", "${KIT_SLOTS:-4}"]
    environment:
      LLAMA_ARG_THREADS: ${KIT_THREADS:-2}
      NUMBER: 5
      PRICE: "5$$"
    user: "10001:10001"
    working_dir: /tmp
    volumes: ["models:/models:ro", {type: tmpfs, target: /scratch, tmpfs: {size: 1g}}]
    tmpfs: ["/tmp:size=64m", /run]
    ports: ["127.0.0.1:${KIT_HOST_PORT:-8080}:8080"]
    expose: ["8080"]
    group_add: ["${KIT_RENDER_GROUP:-render}", 44]
    read_only: true
    cap_add: [CAP_SYS_NICE]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    init: true
    mem_limit: 2g
    shm_size: 512m
    pids_limit: ${KIT_PIDS:-512}
    ulimits: {nofile: {soft: 65536, hard: 65536}}
    cpuset: 0-3,8
    stop_grace_period: 1m30s
    labels: [com.example.a=b]
    healthcheck: {test: [CMD, "true"], interval: 2s, retries: 3, disable: false}
    restart: "no"
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: all, capabilities: [gpu]}]}}}
    networks: [inside]
    x-kit: ignored
networks:
  inside: {internal: true}
volumes:
  models: {name: "${KIT_MODEL_VOLUME:-kit-models}", external: true}
"""
SMALL = """\
services:
  cpu:
    image: kit/llamacpp:cpu-source
    expose: ["8080"]
{more}
volumes:
  models: {{name: kit-models, external: true}}
  nameless: {{external: true}}
"""


def made(more: str, **variables: str) -> ContainerSpec:
    """The spec of the small service with more lines."""
    indented = "\n".join(f"    {line}" for line in more.splitlines())
    return container(read_compose(SMALL.format(more=indented).encode(), "compose/x.yaml"), "cpu", variables)


def test_a_full_service_becomes_a_container() -> None:
    """Every key has its place, defaults are filled in."""
    spec = container(read_compose(FULL.encode(), "compose/llamacpp.yaml"), "cuda", {"KIT_SLOTS": "8"})
    assert spec == ContainerSpec(
        service="cuda",
        image="kit/llamacpp:cuda-source",
        entrypoint=("llama-server",),
        command=("--model", "/models/model.gguf", "--parallel", "8"),
        environment={"LLAMA_ARG_THREADS": "2", "NUMBER": "5", "PRICE": "5$"},
        port=8080,
        user="10001:10001",
        working_dir="/tmp",
        mounts=(Mount("kit-models", "/models", True),),
        tmpfs=(Tmpfs("/scratch", 1 << 30), Tmpfs("/tmp", 64 << 20), Tmpfs("/run")),
        accelerator="nvidia",
        group_add=("render", "44"),
        read_only=True,
        cap_add=("SYS_NICE",),
        cap_drop=("ALL",),
        security_opt=("no-new-privileges:true",),
        init=True,
        memory_bytes=2 << 30,
        shm_bytes=512 << 20,
        pids_limit=512,
        nofile=65536,
        cpuset="0-3,8",
        stop_grace_s=90.0,
        labels={"com.example.a": "b"},
    )


def test_what_a_file_does_not_say_is_what_compose_would_do() -> None:
    """Isolation is the file's own business: nothing is added in silence."""
    assert made("") == ContainerSpec(
        service="cpu",
        image="kit/llamacpp:cpu-source",
        command=(),
        port=8080,
        read_only=False,
        cap_drop=(),
        security_opt=(),
        init=False,
    )


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ("command: serve --model '/a b' \"c d\" ''", "command", ("serve", "--model", "/a b", "c d", "")),
        ("command: ${C}", "command", ("one", "two")),
        ("command: ~", "command", ()),
        ("entrypoint: sh -c", "entrypoint", ("sh", "-c")),
        ("entrypoint: null", "entrypoint", None),
        ("environment: [A=1, B=x=y, C=]", "environment", {"A": "1", "B": "x=y", "C": ""}),
        ("environment: {A: '', B: 7}", "environment", {"A": "", "B": "7"}),
        ("environment: {A: '${C}'}", "environment", {"A": "one two"}),
        ("labels: {a: b, x-y: '1'}", "labels", {"a": "b", "x-y": "1"}),
        ("user: app", "user", "app"),
        ("volumes: ['models:/m']", "mounts", (Mount("kit-models", "/m", False),)),
        ("volumes: ['models:/m:rw']", "mounts", (Mount("kit-models", "/m", False),)),
        (
            "volumes: [{type: volume, source: models, target: /m, read_only: true}]",
            "mounts",
            (Mount("kit-models", "/m", True),),
        ),
        ("tmpfs: /tmp", "tmpfs", (Tmpfs("/tmp"),)),
        ("tmpfs: ['/a:size=1048576']", "tmpfs", (Tmpfs("/a", 1 << 20),)),
        ("ports: [8080]", "port", 8080),
        ("ports: ['8080']", "port", 8080),
        ("ports: ['9:8080/tcp']", "port", 8080),
        ("ports: ['[::1]:9:8080']", "port", 8080),
        ("ports: ['127.0.0.1::8080']", "port", 8080),
        ("ports: [{target: 8080, published: 80, protocol: tcp}]", "port", 8080),
        ("read_only: ${YES}", "read_only", True),
        ("init: 'false'", "init", False),
        ("mem_limit: 1073741824", "memory_bytes", 1 << 30),
        ("mem_limit: 1GB", "memory_bytes", 1 << 30),
        ("mem_limit: 5b", "memory_bytes", 5),
        ("shm_size: 2t", "shm_bytes", 2 << 40),
        ("stop_grace_period: 500ms", "stop_grace_s", 0.5),
        ("stop_grace_period: 1h5m30s20ms", "stop_grace_s", 3930.02),
        ("pids_limit: 9", "pids_limit", 9),
        ("ulimits: {nofile: 1024}", "nofile", 1024),
        ("cpuset: '3'", "cpuset", "3"),
        ("security_opt: ['seccomp=unconfined']", "security_opt", ("seccomp=unconfined",)),
        ("devices: [/dev/dri]", "accelerator", "vulkan"),
        ("devices: ['/dev/dri:/dev/dri']", "accelerator", "vulkan"),
        ("devices: ['/dev/kfd:/dev/kfd:rwm', '/dev/dri:/dev/dri:rwm']", "accelerator", "rocm"),
        ("deploy: {}", "accelerator", "none"),
        ("networks: {default: }", "accelerator", "none"),
        ("healthcheck: {test: curl -f localhost, start_period: 1m}", "port", 8080),
    ],
)
def test_every_form_of_a_value(more: str, field: str, value: Any) -> None:
    """Short and long, string and number, written out and from a variable."""
    assert getattr(made(more, C="one two", YES="true"), field) == value


@pytest.mark.parametrize(
    ("more", "words", "remedy"),
    [
        ("comand: x", 'unknown key "comand"; did you mean "command"?', "Supported here: cap_add"),
        ("zzz: 1", 'unknown key "zzz"', "command"),
        ("deploy: {resources: {limits: {}}}", 'deploy.resources.limits: unknown key "limits"', "reservations"),
        ("healthcheck: {intervall: 1s}", 'did you mean "interval"?', "disable"),
        ("privileged: true", "privileged is not supported: it gives the container the host", "cap_add"),
        ("network_mode: host", "never the host's", "Leave it out"),
        ("pid: host", "none of a runtime's business", "Leave it out"),
        ("ipc: host", "breaks the isolation", "shm_size"),
        ("build: .", "images come ready made", "kit images build"),
        ("runtime: nvidia", "ignore it in silence", "deploy.resources"),
        ("gpus: all", "older releases", "deploy.resources"),
        ("env_file: x", "must stand in this file", "environment"),
        ("volumes: ['/data:/data']", "bind mount: a remote engine lacks the folders of this host", "named volume"),
        ("volumes: ['./d:/data:ro']", "bind mount", "named volume"),
        ("volumes: ['~/d:/data']", "bind mount", "named volume"),
        ("volumes: [{type: bind, source: /a, target: /b}]", "bind mount", "named volume"),
        ("volumes: ['${D}:/data']", "bind mount", "named volume"),
        ("volumes: [/data]", "without a name would stay behind", "named volume"),
        ("volumes: [{type: volume, target: /m}]", "without a name", "named volume"),
        ("volumes: [{type: volume, source: models}]", "type and target", "named volume"),
        ("volumes: ['models:/m:z']", "expected name:/path", ""),
        ("volumes: ['model:/m']", 'did you mean "models"?', "Declare it"),
        ("volumes: ['nameless:/m']", "called after the folder", "Give it a name"),
        ("volumes: ['models:/m', 'models:/m']", 'duplicate mount target "/m"', "one"),
        ("cap_add: [SYS_NICE, SYS_NICE]", 'duplicate "SYS_NICE"', "one"),
        ("volumes: ['models:/m']\ntmpfs: /m", 'duplicate mount target "/m"', "one"),
        ("volumes: ['models:m']", "absolute path", ""),
        ("volumes: ['models:/']", "absolute path", ""),
        ("volumes: ['models:/a/../b']", "absolute path", ""),
        ("volumes: [{type: volume, source: models, target: /m, bind: {}}]", 'unknown key "bind"', ""),
        ("volumes: [{type: tmpfs, target: /m, source: models}]", "does not belong", "Leave"),
        ("volumes: [{type: volume, source: models, target: /m, volume: {nocopy: true}}]", "nocopy", "Leave"),
        ("tmpfs: ['/tmp:mode=1777']", '"mode" is not supported', "size=64m"),
        ("ports: ['1:2:3:4']", "expected a port", ""),
        ("ports: ['8000-8010:8000-8010']", "one port each", ""),
        ("ports: ['53:53/udp']", "tcp", ""),
        ("ports: ['99999:8080']", "ports from 1 to 65535", ""),
        ("ports: ['80:81']", "here there are: 81, 8080", "Name the port"),
        ("ports: [{published: 80}]", "no target", "target"),
        ("image: again", "the same key twice", ""),
        ("user: 'a b'", "expected a user", ""),
        ("working_dir: tmp", "absolute path", ""),
        ("environment: {A: 1.5}", "expected a string, found 1.5", "quotes"),
        ("environment: {A: true}", "expected a string, found true", "quotes"),
        ("environment: {A: }", "from the shell", ""),
        ("environment: [A]", "from the shell", "NAME=value"),
        ("environment: [A=1, A=2]", "duplicate A", "one"),
        ("environment: {A-B: x}", '"A-B" is not the name of a variable', ""),
        ("labels: {org.kit.run: x}", "belongs to the kit", "your own"),
        ("command: [a, 5]", "expected a string, found 5", "quotes"),
        ("command: []", "an empty command", "Leave the key out"),
        ("command: ''", "an empty command", "Leave the key out"),
        ("entrypoint: ['']", "an empty command", "Leave the key out"),
        ("command: a; b", "';' in a command", "list"),
        ("command: a 'b", "never closed", "list"),
        ("command: {a: b}", "expected a string, found an object", ""),
        ("read_only: 1", "expected true or false, found 1", ""),
        ("read_only: ${C}", 'expected true or false, found "one two"', ""),
        ("mem_limit: lots", "expected a size", ""),
        ("mem_limit: 1.5g", "expected a size", ""),
        ("mem_limit: 0", "expected a size", ""),
        ("mem_limit: 9999999t", "expected a size", ""),
        ("stop_grace_period: 10", "expected a string, found 10", "quotes"),
        ("stop_grace_period: '10'", "expected a duration", ""),
        ("stop_grace_period: 30s1m", "expected a duration", ""),
        ("stop_grace_period: 48h", "expected a duration", ""),
        ("pids_limit: -1", "whole number from 1", ""),
        ("pids_limit: '1e3'", "whole number from 1", ""),
        ("ulimits: {nofile: {soft: 1, hard: 2}}", "soft 1 is not hard 2", "one number"),
        ("ulimits: {nofile: {soft: 1}}", "expected soft and hard", ""),
        ("ulimits: {nproc: 1}", 'unknown key "nproc"', "nofile"),
        ("cpuset: a-b", "expected CPUs", ""),
        ("cap_add: [SYS_ADMIN]", "as good as root", "Leave it out"),
        ("cap_add: [sys_nice]", "expected a capability", ""),
        ("cap_drop: ALL", "expected a list", ""),
        ("security_opt: ['seccomp:profile.json']", "expected no-new-privileges", ""),
        ("group_add: ['a b']", "expected a group", ""),
        ("restart: always", "would hide that it died", 'restart: "no"'),
        ("networks: [elsewhere]", '"elsewhere" is not declared', "Declare"),
        ("networks: {default: {aliases: [x]}}", "expected nothing after the name", ""),
        ("devices: [/dev/sda]", "not a whole accelerator", "/dev/kfd and /dev/dri"),
        ("devices: [/dev/dri/renderD128]", "not a whole accelerator", ""),
        ("devices: ['/dev/dri:/dev/x']", "not a whole accelerator", ""),
        ("devices: ['/dev/dri:/dev/dri:r']", "expected a device", ""),
        ("devices: [nvidia.com/gpu=all]", "CDI name", "deploy"),
        ("devices: [/dev/kfd]", "without /dev/dri", "add /dev/dri"),
        ("deploy: {resources: {reservations: {devices: [{driver: amd, capabilities: [gpu]}]}}}", "nvidia", ""),
        ("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", "without driver", "nvidia"),
        ("deploy: {resources: {reservations: {devices: [{driver: nvidia}]}}}", "without capabilities", "gpu"),
        (
            "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}",
            "all GPUs",
            "CUDA_VISIBLE_DEVICES",
        ),
        (
            "devices: [/dev/dri]\n"
            "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: all, capabilities: [gpu]}]}}}",
            "two accelerators",
            "two services",
        ),
        ("command: $5", "begins no variable", "$$"),
        ("command: $UNSET", "UNSET is not set", "Set UNSET"),
        ("restart: no", '"no" means different things', "quotes"),
        ("mem_limit: 0x10", '"0x10" means different things', "quotes"),
        ("user: 10:30", '"10:30" means different things', "quotes"),
        ("labels: {on: a}", '"on" means different things', "quotes"),
        ('command: ["a\\0b"]', "NUL", ""),
        ("command: &a [x]", "anchors", ""),
        ("<<: {a: b}", "merge keys", ""),
    ],
)
def test_what_is_refused_is_told_with_its_place(more: str, words: str, remedy: str) -> None:
    """File, line, key, reason; and what to write instead."""
    with pytest.raises(InputError) as caught:
        made(more, C="one two", D="/data")
    assert re.match(r"compose/x\.yaml(: |, )line \d+", caught.value.what), caught.value.what
    assert words in caught.value.what
    assert remedy in caught.value.remedy


def test_the_line_is_that_of_the_key() -> None:
    """Not that of the service."""
    with pytest.raises(InputError, match=r"^compose/x\.yaml, line 6: services\.cpu\.privileged: "):
        made("init: true\nprivileged: true")
    with pytest.raises(InputError, match=r"^compose/x\.yaml, line 7: services\.cpu\.cap_add\[1\]: "):
        made("cap_add:\n- SYS_NICE\n- SYS_ADMIN".replace("\n- ", "\n  - "))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("[]", "expected keys with values, found a list"),
        ("services: {}", "there are no services"),
        ("services: []", "services: expected keys with values"),
        ("services: {a: }", "services.a: expected keys with values"),
        ("services: {a b: {image: x}}", "a name of other characters"),
        ("version: '3'", "Compose has dropped it"),
        ("secrets: {}", "secrets is not supported"),
        ("servces: {}", 'did you mean "services"?'),
        ("services: {a: {expose: ['1']}}", "no image"),
        ("services: {a: {image: A b, expose: ['1']}}", "expected the name of an image"),
        ("services: {a: {image: x}}", "one port inside, here there are: none"),
        ("services: {a: {image: x}}\nvolumes: {v: {driver: nfs}}", 'unknown key "driver"'),
        ("services: {a: {image: x}}\nvolumes: {v: {name: '${'}}", "without the name"),
        ("services: {a: {image: x}}\nnetworks: {n: {ipam: {}}}", 'unknown key "ipam"'),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, words: str) -> None:
    """The parts around the services."""
    with pytest.raises(InputError) as caught:
        container(read_compose(text.encode(), "f.yaml"), "a", {})
    assert words in caught.value.what


def test_an_unknown_service_names_those_that_there_are() -> None:
    """With the nearest."""
    file = read_compose(FULL.encode(), "compose/llamacpp.yaml")
    assert file.services == ("cuda",)
    with pytest.raises(InputError, match='has no service "cuba"; did you mean "cuda"') as caught:
        container(file, "cuba", {})
    assert caught.value.remedy == "It has: cuda."


def test_only_the_given_variables_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens to stand in the shell of the kit decides nothing."""
    monkeypatch.setenv("KIT_SLOTS", "99")
    spec = container(read_compose(FULL.encode(), "f"), "cuda", {})
    assert "4" in spec.command


# --- hostile documents ----------------------------------------------------------------------------------

KEYS = [
    "services",
    "volumes",
    "image",
    "command",
    "ports",
    "deploy",
    "devices",
    "tmpfs",
    "environment",
    "x-a",
    "a",
    "expose",
]
scalar = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
words = st.sampled_from(["${A:-1}", "/dev/dri", "models:/m:ro", "8080", "${", "1:2", "all", "nvidia", "a b", "~"])
tree = st.recursive(
    scalar | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


def printable(read: Callable[[], object]) -> bool:
    """Whether it is read, or refused with words that a terminal can show."""
    try:
        read()
    except InputError as error:
        return str(error).isprintable()
    return True


@given(tree, tree, st.dictionaries(st.sampled_from(["A", "B"]), st.text(max_size=5)))
def test_a_hostile_document_is_read_or_refused(
    service: object, volumes: object, variables: dict[str, str]
) -> None:
    """Nothing but InputError, whatever stands where."""
    service = {"image": "x", "expose": ["1"], **service} if isinstance(service, dict) else service
    data = json.dumps({"services": {"a": service}, "volumes": volumes}).encode()
    assert printable(lambda: container(read_compose(data, "f.yaml"), "a", variables))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but InputError."""
    assert printable(lambda: read_compose(data, "f.yaml"))

"""Which engine is meant: in the order of the docker program, from the files that it writes."""

from __future__ import annotations

import gc
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from kit.engines.docker.client import connect
from kit.engines.docker.contexts import EngineAddress, engine_address
from kit.errors import EngineError, InputError

FAR = "ssh://me@far"


def context(folder: Path, name: str, **endpoint: Any) -> Path:
    """A context as `docker context create` leaves it; returns the folder of its certificates."""
    place = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / place
    meta.mkdir(parents=True)
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"SkipTLSVerify": False, **endpoint}}}
    (meta / "meta.json").write_text(json.dumps(document))
    return folder / "contexts" / "tls" / place / "docker"


def in_use(folder: Path, name: object) -> None:
    (folder / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))


def found(folder: Path, **environment: str) -> EngineAddress:
    return engine_address({"DOCKER_CONFIG": str(folder), **environment})


def test_without_anything_it_is_the_local_engine(tmp_path: Path) -> None:
    """The library's own default, whatever that is on this system."""
    assert found(tmp_path) == found(tmp_path / "nowhere") == EngineAddress("", options={})
    assert found(tmp_path, DOCKER_HOST="", DOCKER_CONTEXT="") == EngineAddress("", options={})
    in_use(tmp_path, "default")
    assert found(tmp_path).context == ""


def test_the_order_is_that_of_the_docker_program(tmp_path: Path) -> None:
    """DOCKER_HOST, DOCKER_CONTEXT, the context in use, the local engine."""
    context(tmp_path, "used", Host="unix:///used.sock")
    context(tmp_path, "named", Host="unix:///named.sock")
    assert found(tmp_path).host == ""
    in_use(tmp_path, "used")
    assert found(tmp_path) == EngineAddress("unix:///used.sock", "used", {"base_url": "unix:///used.sock"})
    assert found(tmp_path, DOCKER_CONTEXT="named").host == "unix:///named.sock"
    assert found(tmp_path, DOCKER_CONTEXT="default").host == ""
    both = found(tmp_path, DOCKER_CONTEXT="named", DOCKER_HOST="tcp://h:1")
    assert (both.host, both.context, both.options["base_url"]) == ("tcp://h:1", "", "tcp://h:1")


def test_an_engine_behind_ssh_is_one_like_any(tmp_path: Path) -> None:
    context(tmp_path, "far", Host=FAR)
    assert found(tmp_path, DOCKER_CONTEXT="far").host == FAR


@pytest.mark.parametrize("name", ["gone", "../../etc", "a/b", "", "\x1b[2J", "x" * 5000, "\udcff"])
def test_a_context_that_is_gone_is_an_error_and_not_the_local_engine(name: str, tmp_path: Path) -> None:
    """With what to do; whatever stands in the file."""
    context(tmp_path, "other", Host="unix:///other.sock")
    in_use(tmp_path, name or 7)
    if not name:
        assert found(tmp_path).host == ""
        return
    with pytest.raises(InputError, match=r"does not exist\. .*docker context use"):
        found(tmp_path)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "\xff", '{"a": '])
def test_a_configuration_that_cannot_be_read_is_told(text: str, tmp_path: Path) -> None:
    """Else another engine than the docker program's would be measured."""
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"config\.json.*not JSON.*DOCKER_HOST"):
        found(tmp_path)
    assert found(tmp_path, DOCKER_HOST="unix:///x").host == "unix:///x"


@pytest.mark.parametrize("endpoint", [{}, {"Host": ""}, {"Host": 5}, {"Host": None}])
def test_a_context_without_an_engine_is_told(endpoint: dict[str, Any], tmp_path: Path) -> None:
    context(tmp_path, "empty", **endpoint)
    with pytest.raises(InputError, match="names no engine"):
        found(tmp_path, DOCKER_CONTEXT="empty")


def test_the_certificates_of_a_context_go_with_it(tmp_path: Path) -> None:
    """For tcp alone; without any, and with the check switched off, it is TLS without a check, as in docker."""
    tls = context(tmp_path, "tls", Host="tcp://far:2376")
    assert "tls" not in found(tmp_path, DOCKER_CONTEXT="tls").options
    tls.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tls / name).write_text("x")
    chosen = found(tmp_path, DOCKER_CONTEXT="tls").options["tls"]
    assert (chosen.cert, chosen.ca_cert, chosen.verify) == (
        (str(tls / "cert.pem"), str(tls / "key.pem")),
        str(tls / "ca.pem"),
        True,
    )
    context(tmp_path, "unchecked", Host="tcp://far:2376", SkipTLSVerify=True)
    assert found(tmp_path, DOCKER_CONTEXT="unchecked").options["tls"].verify is False
    context(tmp_path, "socket", Host="unix:///s", SkipTLSVerify=True)
    assert "tls" not in found(tmp_path, DOCKER_CONTEXT="socket").options


def test_the_variables_of_tls_belong_to_docker_host(tmp_path: Path) -> None:
    """A folder without certificates is told as that."""
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    host = {"DOCKER_HOST": "tcp://h:2376", "DOCKER_TLS_VERIFY": "1"}
    assert found(tmp_path, **host, DOCKER_CERT_PATH=str(tmp_path)).options["tls"].verify is True


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of this process."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_of_a_context_that_does_not_answer_is_told_by_name(chosen: Path) -> None:
    """The library leaves its socket to the garbage collector."""
    context(chosen, "off", Host=f"unix://{chosen}/none.sock")
    in_use(chosen, "off")
    with pytest.raises(EngineError, match=r'in the context "off": .*docker context use'):
        connect()
    gc.collect()


def test_certificates_that_are_missing_are_told(chosen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(chosen / "nowhere"))
    with pytest.raises(InputError, match="certificates"):
        connect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("host", ["tcp://me:s3cret@[", "ssh://me:s3cret@far", "nonsense://me:s3cret@far"])
def test_a_password_in_an_address_is_never_told(host: str, chosen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises((EngineError, InputError)) as caught:
        connect()
    assert "s3cret" not in str(caught.value)
    assert chosen.is_dir()

"""How the engine's files, leftovers and addresses are handled, without an engine."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from kit.engines.docker import transfer
from kit.engines.docker.cleaning import clean
from kit.engines.docker.relay import ssh_command
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.protocol import Removed
from kit.errors import EngineError, InputError, StorageError
from tests.support.engine_outputs import Raw, api_error

# --- files ----------------------------------------------------------------------------------------------


class Api:
    """An engine that takes archives, or breaks off."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.data = b""
        self.fails = fails

    def put_archive(self, _: str, __: str, data: Iterator[bytes]) -> bool:
        for block in data:
            self.data += block
            if self.fails:
                raise self.fails
        return True

    def ping(self) -> bool:
        return True


class Client:
    def __init__(self, api: Any) -> None:
        self.api = api


def put(api: Api, members: list[Member], **more: Any) -> None:
    client: Any = Client(api)
    put_files(client, "c", "/cell", members, 10001, **more)


def test_files_go_in_as_one_archive(tmp_path: Path) -> None:
    """Bytes, files and folders, owned as asked, and every byte is told."""
    (tmp_path / "big").write_bytes(b"x" * 2_500_000)
    done: list[tuple[int, int | None]] = []
    api = Api()
    members = [Member("load.json", b"{}"), Member("out", None), Member("out/big", tmp_path / "big")]
    put(api, members, on_bytes=lambda *so_far: done.append(so_far))
    with tarfile.open(fileobj=io.BytesIO(api.data)) as tar:
        found = {info.name: info for info in tar}
        assert [info.uid for info in found.values()] == [10001] * 3
        assert found["out"].isdir()
        for name, content in (("load.json", b"{}"), ("out/big", b"x" * 2_500_000)):
            data = tar.extractfile(name)
            assert data is not None
            assert data.read() == content
    assert done[-1] == (2_500_002, 2_500_002)
    assert len(api.data) % 512 == 0


def test_a_file_that_cannot_be_read_is_no_fault_of_the_engine(tmp_path: Path) -> None:
    """Missing, and shorter than it was."""
    with pytest.raises(StorageError, match="cannot be read"):
        put(Api(), [Member("x", tmp_path / "none")])
    path = tmp_path / "shrinks"
    path.write_bytes(b"x" * 3_000_000)
    with pytest.raises(StorageError, match="shorter"):
        put(Api(), [Member("x", path)], on_bytes=lambda *_: path.write_bytes(b""))


def test_an_engine_that_hangs_up_may_have_a_full_disk() -> None:
    """It answers a ping, so it did not go away."""
    with pytest.raises(EngineError, match=r"stopped in the middle.*disk may be full"):
        put(Api(requests.ConnectionError("broken pipe")), [Member("x", b"y")])


def archive(*infos: tuple[str, bytes, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, data in infos:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "/etc/passwd"
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive(("facts.json", tarfile.SYMTYPE, b"")), "not one plain file"),
        (archive(("facts.json", tarfile.LNKTYPE, b"")), "not one plain file"),
        (archive(("facts.json", tarfile.DIRTYPE, b"")), "not one plain file"),
        (archive(("facts.json", tarfile.CHRTYPE, b"")), "not one plain file"),
        (archive(("other.json", tarfile.REGTYPE, b"x")), "not one plain file"),
        (archive(("../facts.json", tarfile.REGTYPE, b"x")), "not one plain file"),
        (archive(("facts.json", tarfile.REGTYPE, b"x"), ("y", tarfile.REGTYPE, b"x")), "not one plain file"),
        (archive(("facts.json", tarfile.REGTYPE, b"x" * 11)), "more than the 10 allowed"),
        (archive(), "empty archive"),
        (b"", "no archive"),
        (b"x" * 10_000, "no archive"),
        (archive(("facts.json", tarfile.REGTYPE, b"x" * 10))[:515], "no archive"),
    ],
)
def test_only_one_plain_file_of_the_right_name_is_taken(
    data: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept of anything else."""
    monkeypatch.setattr(transfer, "answered", lambda *_, **__: contextlib.nullcontext(Raw(data)))
    client: Any = None
    with pytest.raises(EngineError, match=words):
        fetch_file(client, "c", "/cell/out/facts.json", tmp_path / "facts.json", limit_bytes=10)
    assert list(tmp_path.iterdir()) == []


def test_a_plain_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name it was asked for."""
    data = archive(("facts.json", tarfile.REGTYPE, b"x" * 10))
    monkeypatch.setattr(transfer, "answered", lambda *_, **__: contextlib.nullcontext(Raw(data)))
    client: Any = None
    assert fetch_file(client, "c", "/cell/out/facts.json", tmp_path / "f", limit_bytes=10)
    assert (tmp_path / "f").read_bytes() == b"x" * 10
    assert len(list(tmp_path.iterdir())) == 1


# --- cleaning, ssh --------------------------------------------------------------------------------------


class Full:
    """An engine with one container, network and volume, and a volume with a model."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.removed: list[str] = []

    def containers(self, *, filters: dict[str, str], **how: bool) -> list[dict[str, str]]:
        assert how == {"all": True}
        self.asked.append(filters["label"])
        return [{"Id": "c"}]

    def networks(self, filters: dict[str, str]) -> list[dict[str, str]]:
        self.asked.append(filters["label"])
        return [{"Id": "n"}]

    def volumes(self, filters: dict[str, str]) -> dict[str, Any]:
        self.asked.append(filters["label"])
        return {"Volumes": [{"Name": "m"}] if filters["label"] == "org.kit.model" else None}

    def remove_container(self, name: str, **how: bool) -> None:
        assert how == {"force": True, "v": True}
        self.removed.append(name)

    def remove_network(self, name: str) -> None:
        raise api_error(500 if name == "n" else 404)

    def remove_volume(self, name: str, **_: bool) -> None:
        self.removed.append(name)


def test_cleaning_takes_one_run_or_all_and_models_only_if_asked() -> None:
    """By label; what cannot be removed is told and keeps nothing else."""
    api = Full()
    client: Any = Client(api)
    removed = clean(client, "r1")
    assert api.asked == ["org.kit.run=r1"] * 3
    assert (removed.containers, removed.networks, removed.volumes) == (1, 0, 0)
    assert "refused to remove a network" in removed.problems[0]
    api.asked.clear()
    assert clean(client, models=True).volumes == 1
    assert api.asked == ["org.kit.run"] * 3 + ["org.kit.model"]
    assert api.removed == ["c", "c", "m"]
    assert Removed(0, 0, 0).problems == ()


def test_ssh_is_asked_as_docker_asks_it() -> None:
    """User, port and socket of the address; nothing else of it reaches a command line."""
    host, command = ssh_command("ssh://me@yoga:2222")
    assert host == "yoga"
    assert command[-9:] == ["-l", "me", "-p", "2222", "--", "yoga", "docker", "system", "dial-stdio"]
    _, command = ssh_command("ssh://yoga/run/user/1000/docker.sock")
    remote = ["docker", "--host", "unix:///run/user/1000/docker.sock", "system", "dial-stdio"]
    assert command[-7:] == ["--", "yoga", *remote]


@pytest.mark.parametrize(
    "url",
    [
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://-l@yoga",
        "ssh://me:secret@yoga",
        "ssh://yoga:port",
        "ssh://yoga/a;reboot",
        "ssh://yoga/$(reboot)",
        "ssh://yoga?x=1",
        "ssh://[",
    ],
)
def test_an_address_that_would_be_more_than_one_is_refused(url: str) -> None:
    """No options, no commands, no passwords."""
    with pytest.raises(InputError) as caught:
        ssh_command(url)
    assert "secret" not in str(caught.value)


def test_the_library_is_the_one_we_know() -> None:
    """docker-py 7; its private parts are not used."""
    assert docker.__version__.startswith("7.")

"""Files come into containers and volumes and out of them whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import docker
import pytest

from kit.documents.container import Mount
from kit.engines.docker.cleaning import clean
from kit.engines.docker.client import RUN_LABEL
from kit.engines.docker.config import Place, container_config, kit_program
from kit.engines.docker.containers import container, network, new_name, remove_volume, start, volume
from kit.engines.docker.engine import DockerEngine
from kit.engines.docker.transfer import Member, fetch_file, put_files
from kit.engines.docker.volumes import COMPLETE, model_volume, volume_name
from kit.errors import EngineError, StorageError
from kit.probe import probe_of
from kit.probe.http import EndpointError
from tests.integration.containers.servers import ANSWERING, models, python_server

pytestmark = pytest.mark.integration

TRAPS = """
import os
os.chdir("/cell")
open("good", "w").write("good")
os.symlink("/etc/passwd", "link")
os.mkdir("folder"); open("folder/x", "w").close()
os.mkfifo("pipe")
os.link("good", "hard")
"""


def test_only_plain_files_come_out_of_a_container(
    client: docker.DockerClient, loadgen_image: str, run: str, tmp_path: Path
) -> None:
    """Links, folders, pipes and files that are too large are refused, and nothing of them is kept."""
    config = container_config(
        kit_program(loadgen_image, ("-c", TRAPS)), Place("none", None, {RUN_LABEL: run}, work=True)
    )
    with container(client, config, new_name("trap")) as made:
        start(client, made, "a test")
        client.api.wait(made)
        assert fetch_file(client, made, "/cell/good", tmp_path / "good")
        assert fetch_file(client, made, "/cell/hard", tmp_path / "hard")
        assert not fetch_file(client, made, "/cell/none", tmp_path / "none")
        for name in ("link", "folder", "pipe"):
            with pytest.raises(EngineError, match="not one plain file"):
                fetch_file(client, made, f"/cell/{name}", tmp_path / name)
        with pytest.raises(EngineError, match="more than the 3 allowed"):
            fetch_file(client, made, "/cell/good", tmp_path / "large", limit_bytes=3)
        with pytest.raises(StorageError):
            fetch_file(client, made, "/cell/good", tmp_path / "no-such-folder" / "good")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "hard"]
    assert (tmp_path / "good").read_text() == "good"


@pytest.fixture
def model(client: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    """A model file of 3 MB whose volume goes after the test."""
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(3_000_001))
    yield path
    remove_volume(client, volume_name(sha256(path.read_bytes()).hexdigest()))


def test_a_model_comes_into_a_volume_once(
    engine: DockerEngine, client: docker.DockerClient, folder: Path, model: Path, run: str
) -> None:
    """Whole, hashed in its mount, uploaded from there; the second time nothing is sent; kept by a clean."""
    digest = sha256(model.read_bytes()).hexdigest()
    sent: list[tuple[int, int | None]] = []
    args = (client, run, engine.loadgen_image, digest, model, "m.gguf")
    name = model_volume(*args, on_bytes=lambda *done: sent.append(done))
    assert sent[-1] == (3_000_001, 3_000_001)
    sent.clear()
    assert model_volume(*args, on_bytes=lambda *done: sent.append(done)) == name == f"kit-model-{digest[:16]}"
    assert sent == []
    with engine.server(
        python_server(engine.loadgen_image, ANSWERING, mounts=models(name)), folder / "server.log"
    ) as running:
        probe = probe_of(running)
        probe.wait_ready("/health", 30)
        assert probe.sha256("/models/m.gguf") == digest
        probe.upload("/blob", "/models/m.gguf", 30)
        # A connection that is reset afterwards makes the server print a traceback of some 20 lines behind it.
        assert f"got 3000001 {digest}" in running.log_tail(lines=100)
        with pytest.raises(EndpointError, match="No such file"):
            probe.sha256("/models/other")
    clean(client, run)
    assert client.api.inspect_volume(name)["Labels"]["org.kit.model"] == digest


def test_a_model_that_is_a_folder_keeps_its_shape(
    engine: DockerEngine, client: docker.DockerClient, folder: Path, model: Path, run: str
) -> None:
    """Files in folders, by the name it was given."""
    (model.parent / "dir" / "sub").mkdir(parents=True)
    (model.parent / "dir" / "config.json").write_text("{}")
    (model.parent / "dir" / "sub" / "weights").symlink_to(model)
    digest = sha256(model.read_bytes()).hexdigest()
    name = model_volume(client, run, engine.loadgen_image, digest, model.parent / "dir", "m")
    with engine.server(
        python_server(engine.loadgen_image, ANSWERING, mounts=models(name)), folder / "server.log"
    ) as running:
        probe = probe_of(running)
        assert probe.sha256("/models/m/sub/weights") == digest
        lines = f"{sha256(b'{}').hexdigest()}  config.json\n{digest}  sub/weights\n"
        assert probe.sha256("/models/m") == sha256(lines.encode()).hexdigest()


def test_a_volume_that_was_not_filled_to_its_end_is_filled_again(
    client: docker.DockerClient, loadgen_image: str, model: Path, run: str, tmp_path: Path
) -> None:
    """An interrupt in the middle takes the volume away; one without its mark counts for nothing."""
    digest = sha256(model.read_bytes()).hexdigest()
    args = (client, run, loadgen_image, digest, model, "m")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_volume(*args, on_bytes=interrupted)
    with pytest.raises(docker.errors.NotFound):
        client.api.inspect_volume(volume_name(digest))
    client.api.create_volume(name=volume_name(digest))
    name = model_volume(*args)
    spec = kit_program(loadgen_image, ("-c", "pass"), mounts=models(name))
    with container(
        client, container_config(spec, Place("none", None, {RUN_LABEL: run})), new_name("look")
    ) as made:
        assert fetch_file(client, made, f"/models/{COMPLETE}", tmp_path / "mark")
        assert fetch_file(client, made, "/models/m", tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == model.read_bytes()


def test_a_full_disk_of_the_engine_is_told(
    client: docker.DockerClient, loadgen_image: str, model: Path, run: str
) -> None:
    """Not as an engine that went away."""
    name, options = f"small-{run}", {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    with network(client, {RUN_LABEL: run}), volume(client, name, {RUN_LABEL: run}):
        remove_volume(client, name)
        client.api.create_volume(name=name, driver_opts=options, labels={RUN_LABEL: run})
        spec = kit_program(loadgen_image, ("-c", "pass"), mounts=(Mount(name, "/models", read_only=False),))
        config = container_config(spec, Place("none", None, {RUN_LABEL: run}))
        with (
            container(client, config, new_name("fill")) as made,
            pytest.raises(EngineError, match=r"no space left|may be full") as caught,
        ):
            put_files(client, made, "/models", [Member("m", model)], 0)
    assert "went away" not in caught.value.what

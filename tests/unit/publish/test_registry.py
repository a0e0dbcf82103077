"""A bundle in a registry: pushed, pulled, signed; logins; and whatever a registry may answer instead."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from kit.errors import InputError, KitError, PublishError, SourceError
from kit.publish.artifact import (
    BUNDLE_TYPE,
    EMPTY,
    IDENTITY,
    INDEX_TYPE,
    MANIFEST_TYPE,
    SIGNATURE_TYPE,
    bundle_manifest,
    digest_of,
    read_index,
    read_manifest,
    referrers_tag,
)
from kit.publish.login import find_login
from kit.publish.oci import MAX_SIGNATURES, Artifact, artifact_of, pull, push
from kit.publish.parcel import Parcel
from kit.publish.places import OciPlace
from tests.support.oci_registry import PASSWORD, TOKEN, USER, Scripted, digest, serving

PARCEL = Parcel(
    archive=b"an-archive",
    signature=b"a signature",
    signed_by="SHA256:abc",
    identity="ab" * 32,
    label="consistent",
    platform="smol",
    machine="EPYC, 2 CPUs",
    folder=PurePosixPath("smol/epyc-2cpu/abababababababab"),
    plan_sha256="cd" * 32,
    kit_version="1",
    files=(("plan.json", 3),),
)


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration: none of this machine's."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with serving(Scripted()) as registry:
        yield registry


def place(scripted: Scripted, tag: str | None = None, digest: str | None = None) -> OciPlace:
    return OciPlace(scripted.host, "a/results", tag, digest, plain_http=True)


def pushed(scripted: Scripted, parcel: Parcel = PARCEL) -> Artifact:
    return push(parcel, place(scripted))


# --- the way there and back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("referrers_api", [True, False])
def test_what_is_pushed_is_pulled(scripted: Scripted, referrers_api: bool) -> None:
    """By tag and by digest, with the signature, where a registry lists referrers and where it cannot."""
    scripted.referrers_api = referrers_api
    made = pushed(scripted)
    assert made.tag == "ab" * 8
    for source in (place(scripted, tag=made.tag), place(scripted, digest=made.digest)):
        pulled = pull(source)
        assert (pulled.archive, pulled.signatures) == (PARCEL.archive, (PARCEL.signature,))
        assert (pulled.digest, pulled.identity) == (made.digest, PARCEL.identity)
    assert (referrers_tag(made.digest) in scripted.manifests) is not referrers_api


def test_an_unsigned_bundle_has_no_referrer(scripted: Scripted) -> None:
    made = pushed(scripted, replace(PARCEL, signature=None))
    assert pull(place(scripted, digest=made.digest)).signatures == ()
    assert set(scripted.blobs) == {digest(EMPTY), digest(PARCEL.archive)}


def test_the_manifest_is_the_same_each_time_and_says_no_label(scripted: Scripted) -> None:
    """No clock, no verdict; kind, identity, platform and plan."""
    made = artifact_of(PARCEL, place(scripted))
    assert made == artifact_of(PARCEL, place(scripted))
    document = json.loads(made.manifest)
    assert document["artifactType"] == document["layers"][0]["mediaType"] == BUNDLE_TYPE
    assert document["config"] == {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": digest(b"{}"),
        "size": 2,
    }
    assert set(document["annotations"].values()) == {PARCEL.identity, "smol", PARCEL.plan_sha256}
    assert b"consistent" not in made.manifest


def test_what_is_there_is_not_sent_again(scripted: Scripted) -> None:
    """Nor is a signature listed twice under the tag that stands for the API."""
    scripted.referrers_api = False
    made = pushed(scripted)
    scripted.seen.clear()
    assert pushed(scripted) == made
    assert scripted.paths("POST") == []
    assert len(read_index(scripted.manifests[referrers_tag(made.digest)][1], "")) == 1


def test_a_second_signer_joins_the_first(scripted: Scripted) -> None:
    scripted.referrers_api = False
    made = pushed(scripted)
    pushed(scripted, replace(PARCEL, signature=b"another"))
    assert set(pull(place(scripted, digest=made.digest)).signatures) == {b"a signature", b"another"}


# --- logins -------------------------------------------------------------------------------------------------


def logged_in(config: Path, host: str, **entry: str) -> None:
    config.write_text(json.dumps({"auths": {host: entry}}))


AUTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_login_of_docker_is_used(scripted: Scripted, docker_config: Path, kind: str) -> None:
    scripted.login = kind
    logged_in(docker_config, scripted.host, auth=AUTH)
    made = pushed(scripted)
    assert pull(place(scripted, digest=made.digest)).archive == PARCEL.archive
    wanted = f"Bearer {TOKEN}" if kind == "bearer" else f"Basic {AUTH}"
    assert scripted.seen[-1][2] == wanted


def test_a_refresh_token_is_used(scripted: Scripted, docker_config: Path) -> None:
    scripted.login = "bearer"
    logged_in(docker_config, scripted.host, identitytoken="a-refresh-token")
    assert pushed(scripted).digest
    assert "/token" in scripted.paths("POST")


def test_a_credential_helper_is_asked(
    scripted: Scripted, docker_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the host on its standard input, as Docker does."""
    helper = tmp_path / "docker-credential-mine"
    answer = json.dumps({"ServerURL": scripted.host, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f'#!/bin/sh\n[ "$1" = get ] && [ "$(cat)" = {scripted.host} ] && echo \'{answer}\'\n')
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    docker_config.write_text(json.dumps({"credHelpers": {scripted.host: "mine"}}))
    scripted.login = "basic"
    assert pushed(scripted).digest


@pytest.mark.parametrize(
    "config",
    [
        "no json", '{"auths": {"h": {"auth": "!"}}}', '{"auths": {"h": {"auth": "bm9jb2xvbg=="}}}',
        '{"credsStore": "is-not-here"}', '{"credsStore": "../../bin/sh"}',
    ],
)  # fmt: skip
def test_a_configuration_that_is_none_is_said_to_be_so(docker_config: Path, config: str) -> None:
    docker_config.write_text(config)
    with pytest.raises(InputError):
        find_login("h")


@pytest.mark.parametrize("config", ["{}", '{"auths": {"h": {}}}', '{"auths": []}', '{"auths": {"other": 3}}'])
def test_a_configuration_without_this_host_is_no_login(docker_config: Path, config: str) -> None:
    docker_config.write_text(config)
    assert find_login("h") is None


def test_without_a_login_the_remedy_names_one(scripted: Scripted) -> None:
    scripted.login = "basic"
    with pytest.raises(PublishError) as caught:
        pushed(scripted)
    assert caught.value.exit_code == 13
    assert f"docker login {scripted.host}" in caught.value.remedy


@pytest.mark.parametrize("realm", ["ftp://host/token", "nowhere", "https://a b/", ""])
def test_a_token_is_fetched_from_no_odd_place(scripted: Scripted, realm: str) -> None:
    scripted.login, scripted.realm = "bearer", realm or "http://"
    with pytest.raises(SourceError, match="wants tokens from"):
        pushed(scripted)


def test_a_password_goes_to_no_other_server(scripted: Scripted, docker_config: Path) -> None:
    """A registry sends a blob from elsewhere, and an upload to elsewhere: neither gets to know who asks."""
    scripted.login = "basic"
    logged_in(docker_config, scripted.host, auth=AUTH)
    made = pushed(scripted)
    with serving(Scripted()) as other:
        blob = f"/v2/a/results/blobs/{digest(PARCEL.archive)}"
        scripted.answers["GET", blob] = (307, {"Location": f"http://{other.host}/elsewhere"}, b"")
        other.answers["GET", "/elsewhere"] = (200, {}, PARCEL.archive)
        assert pull(place(scripted, digest=made.digest)).archive == PARCEL.archive
        del scripted.blobs[digest(PARCEL.archive)]
        scripted.answers["POST", "/v2/a/results/blobs/uploads/"] = (
            202,
            {"Location": f"http://{other.host}/upload"},
            b"",
        )
        other.answers["PUT", "/upload"] = (201, {}, b"")
        pushed(scripted)
        assert [each[2] for each in other.seen] == [None, None]
        assert len(other.seen) == 2


# --- what is not as it should be ----------------------------------------------------------------------------


def refused(source: OciPlace) -> KitError:
    with pytest.raises(SourceError) as caught:
        pull(source)
    assert caught.value.exit_code == 4
    return caught.value


def test_a_changed_blob_is_refused(scripted: Scripted) -> None:
    """One byte of the archive, or of the signature."""
    made = pushed(scripted)
    for whole in (PARCEL.archive, b"a signature"):
        scripted.blobs[digest(whole)] = whole[:-1] + b"!"
        assert "has the digest" in refused(place(scripted, digest=made.digest)).what
        scripted.blobs[digest(whole)] = whole


def test_a_longer_blob_is_not_read_to_its_end(scripted: Scripted) -> None:
    made = pushed(scripted)
    scripted.blobs[digest(PARCEL.archive)] = PARCEL.archive + b"!" * 100
    assert "more than the 10 bytes" in refused(place(scripted, digest=made.digest)).what


def test_another_manifest_under_a_digest_is_refused(scripted: Scripted) -> None:
    made = pushed(scripted)
    scripted.manifests[made.digest] = (MANIFEST_TYPE, bundle_manifest(b"another", "x", {}))
    assert "has the digest" in refused(place(scripted, digest=made.digest)).what


def manifest(**changes: object) -> bytes:
    document = json.loads(bundle_manifest(b"an-archive", "x.tar.gz", {IDENTITY: "ab"}))
    return json.dumps(document | changes).encode()


LAYER = {"mediaType": BUNDLE_TYPE, "digest": digest(b"x"), "size": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{", b"\xff", b'{"schemaVersion":2,"schemaVersion":2}',
        manifest(schemaVersion=1),
        manifest(mediaType=INDEX_TYPE),
        manifest(artifactType="application/vnd.other"),
        manifest(artifactType=["x"]),
        manifest(layers=[]), manifest(layers=[LAYER, LAYER]), manifest(layers={}), manifest(layers=[3]),
        manifest(layers=[LAYER | {"mediaType": "text/plain"}]),
        manifest(layers=[LAYER | {"size": -1}]), manifest(layers=[LAYER | {"size": True}]),
        manifest(layers=[LAYER | {"size": 1.0}]), manifest(layers=[LAYER | {"size": (256 << 20) + 1}]),
        manifest(layers=[LAYER | {"digest": "sha256:../../x"}]), manifest(layers=[LAYER | {"digest": "md5:00"}]),
        manifest(layers=[LAYER | {"digest": "sha256:" + "A" * 64}]),
        manifest(subject={"digest": 3}),
        manifest(more="x" * 70_000),
    ],
)  # fmt: skip
def test_what_is_no_manifest_of_a_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match="is not a bundle"):
        read_manifest(data, "it", BUNDLE_TYPE, 256 << 20)


@pytest.mark.parametrize(
    "document",
    [{}, {"schemaVersion": 2}, {"schemaVersion": 2, "manifests": [{}]}, {"schemaVersion": 2, "manifests": {}},
     {"schemaVersion": 2, "manifests": [LAYER] * 1001},
     {"schemaVersion": 2, "manifests": [], "mediaType": MANIFEST_TYPE}],
)  # fmt: skip
def test_what_is_no_list_of_referrers_is_refused(document: object) -> None:
    with pytest.raises(SourceError):
        read_index(json.dumps(document).encode(), "it")


def test_a_signature_of_another_manifest_is_refused(scripted: Scripted) -> None:
    """The list says it belongs here, its own subject says it does not."""
    scripted.referrers_api = False
    made = pushed(scripted)
    other = pushed(scripted, replace(PARCEL, archive=b"another", identity="ef" * 32))
    tag, from_other = referrers_tag(made.digest), scripted.manifests[referrers_tag(other.digest)]
    scripted.manifests[tag] = from_other
    assert "refers to another manifest" in refused(place(scripted, digest=made.digest)).what


def test_referrers_of_other_kinds_do_not_matter_and_too_many_do(scripted: Scripted) -> None:
    scripted.referrers_api = False
    made = pushed(scripted, replace(PARCEL, signature=None))
    entry = {"mediaType": MANIFEST_TYPE, "digest": digest(b"x"), "size": 1, "artifactType": "sbom"}
    for kind, count, fine in (("sbom", 20, True), (SIGNATURE_TYPE, MAX_SIGNATURES + 1, False)):
        listed = [entry | {"artifactType": kind}] * count
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": listed}).encode()
        scripted.manifests[referrers_tag(made.digest)] = (INDEX_TYPE, index)
        if fine:
            assert pull(place(scripted, digest=made.digest)).signatures == ()
        else:
            refused(place(scripted, digest=made.digest))


def test_a_tag_that_is_none_is_named_with_the_words_of_the_registry(scripted: Scripted) -> None:
    """Made harmless."""
    scripted.answers["GET", "/v2/a/results/manifests/nix"] = (
        404,
        {},
        b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"\\u001b[31mred"}]}',
    )
    error = refused(place(scripted, tag="nix"))
    assert "MANIFEST_UNKNOWN" in error.what
    assert error.what.isprintable()


def test_without_a_tag_or_digest_nothing_is_asked(scripted: Scripted) -> None:
    with pytest.raises(InputError, match="names no bundle"):
        pull(place(scripted))
    assert scripted.seen == []


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("POST", "/v2/a/results/blobs/uploads/", (202, {}, b"")),
        ("POST", "/v2/a/results/blobs/uploads/", (403, {}, b"<html>")),
        ("POST", "/v2/a/results/blobs/uploads/", (202, {"Location": "ftp://x/"}, b"")),
        ("PUT", "/v2/a/results/blobs/uploads/1", (500, {}, b"")),
        ("PUT", "/v2/a/results/manifests/abababababababab", (400, {}, b'{"errors": 3}')),
        (
            "PUT",
            "/v2/a/results/manifests/abababababababab",
            (201, {"Docker-Content-Digest": digest_of(b"another")}, b""),
        ),
    ],
)
def test_a_registry_that_does_not_take_it_is_a_failure_to_publish(
    scripted: Scripted, method: str, path: str, answer: tuple[int, dict[str, str], bytes]
) -> None:
    scripted.answers[method, path] = answer
    with pytest.raises(PublishError):
        pushed(scripted)

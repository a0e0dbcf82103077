"""Who one is at a registry: what `docker login` left, its credential helpers, and tokens for them.

Nothing is asked of a person and nothing is stored. A helper is a program that the user's own file names.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from kit.debuglog import logged
from kit.errors import InputError, SourceError
from kit.publish.places import is_loopback
from kit.publish.web import Web
from kit.strict import Json, StrictError, read_json
from kit.text import plain_text

CONFIG_VARIABLE = "DOCKER_CONFIG"
HELPER_S = 60.0  # somebody may have to unlock a keychain
MAX_CONFIG_BYTES = 1 << 20
MAX_TOKEN_BYTES = 64 * 1024
_HUB = "registry-1.docker.io"
_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", _HUB)
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PAIR = re.compile(r'(?<![A-Za-z])([A-Za-z]++)\s*+=\s*+(?:"([^"\\]*+)"|([^\s",]++))')
_TOKEN = re.compile(r"[!-~]+")
_MEANS_TOKEN = "<token>"  # the user's name by which a helper says that its secret is a refresh token


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password, or a refresh token."""

    user: str = ""
    password: str = ""
    refresh_token: str = ""

    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find_login(host: str) -> Login | None:
    """What Docker's configuration knows of a registry, the helper named for it first; None if nothing."""
    config = _config()
    keys = _HUB_KEYS if host == _HUB else (host, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/")
    helpers = _object(config.get("credHelpers"))
    for key in keys:
        helper = helpers.get(key) or config.get("credsStore")
        if isinstance(helper, str) and (found := _from_helper(helper, key)):
            return found
        if found := _from_auths(_object(_object(config.get("auths")).get(key)), key):
            return found
    return None


def config_path() -> Path:
    """Docker's configuration: in DOCKER_CONFIG, else ~/.docker."""
    own = os.environ.get(CONFIG_VARIABLE)
    return (Path(own) if own else Path.home() / ".docker") / "config.json"


def _config() -> Mapping[str, Json]:
    path = config_path()
    try:
        data = path.read_bytes() if path.is_file() else b"{}"
        return _object(read_json(data, str(path), max_bytes=MAX_CONFIG_BYTES))
    except (OSError, StrictError) as error:
        raise InputError(
            f"Docker's configuration {plain_text(str(path), 200)} cannot be read: {plain_text(str(error), 200)}.",
            f"Log in again with `docker login`, or name another folder in {CONFIG_VARIABLE}.",
        ) from None


def _from_auths(entry: Mapping[str, Json], key: str) -> Login | None:
    token, auth = entry.get("identitytoken"), entry.get("auth")
    if isinstance(token, str) and token:
        return Login(refresh_token=token)
    if not isinstance(auth, str) or not auth:
        return None
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon = ""
    if not colon:
        raise InputError(
            f"Docker's configuration has no name and password for {plain_text(key, 100)}.", "Log in again."
        )
    return Login(user, password.rstrip("\0"))


@logged("program", lambda helper, key: f"docker-credential-{helper} get {key}")
def _from_helper(helper: str, key: str) -> Login | None:
    """What a credential helper says (github.com/docker/docker-credential-helpers); None where it knows nothing."""
    program = shutil.which(f"docker-credential-{helper}") if _HELPER.fullmatch(helper) else None
    if program is None:
        raise InputError(
            f"Docker's configuration names the helper {plain_text(helper, 60)}, which is not installed.",
            f"Install docker-credential-{plain_text(helper, 60)}, or log in without it.",
        )
    try:
        done = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, timeout=HELPER_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"docker-credential-{helper} did not end within {HELPER_S:g} s.", "Try again.") from None
    if done.returncode:
        return None
    try:
        said = _object(read_json(done.stdout, f"docker-credential-{helper}", max_bytes=MAX_TOKEN_BYTES))
    except StrictError:
        return None
    user, secret = said.get("Username"), said.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        return None
    return Login(refresh_token=secret) if user == _MEANS_TOKEN else Login(user, secret)


# --- what a registry demands ----------------------------------------------------------------------------


def authorization(web: Web, challenge: str, login: Login | None, *, plain_http: bool) -> str | None:
    """The Authorization header that answers a 401, or None if there is nothing to say.

    docs: distribution.github.io/distribution/spec/auth/token, and .../oauth for refresh tokens.
    """
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "basic":
        return login.basic() if login and not login.refresh_token else None
    if kind.lower() != "bearer":
        return None
    said = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest[:4096])}
    realm = urlsplit(said.get("realm", ""))
    encrypted = realm.scheme == "https" or (plain_http and realm.scheme == "http")
    if not encrypted or not realm.hostname or not _TOKEN.fullmatch(said["realm"]):
        raise SourceError(
            f"The registry wants tokens from {plain_text(said.get('realm', 'nowhere'), 120)}.",
            "Ask who runs it.",
        )
    asked = {"service": said.get("service", ""), "scope": said.get("scope", "")}
    return f"Bearer {_token(web, said['realm'], asked, login)}"


def _token(web: Web, realm: str, asked: Mapping[str, str], login: Login | None) -> str:
    if login and login.refresh_token and _is_safe(realm):
        form = {"grant_type": "refresh_token", "refresh_token": login.refresh_token, "client_id": "llm-repro-kit"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        content = urlencode({**form, **asked}).encode()
        answer = web.ask("POST", realm, max_bytes=MAX_TOKEN_BYTES, headers=headers, content=content)
    else:
        named = {name: value for name, value in asked.items() if value}
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(named)}"
        headers = {"Authorization": login.basic()} if login and not login.refresh_token else {}
        answer = web.ask("GET", url, max_bytes=MAX_TOKEN_BYTES, headers=headers)
    try:
        said = _object(read_json(answer.body, "the token", max_bytes=MAX_TOKEN_BYTES)) if answer.ok else {}
    except StrictError:
        said = {}
    token = said.get("token") or said.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise SourceError(
            f"{plain_text(urlsplit(realm).netloc, 100)} gave no token for this registry (status {answer.status}).",
            "Log in with `docker login HOST`, and check that this account may do this.",
        )
    return token


def _is_safe(url: str) -> bool:
    """Whether a secret may be sent there: encrypted, or to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.netloc)


def _object(value: object) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}

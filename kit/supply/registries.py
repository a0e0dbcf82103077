"""Sources from cargo's registry and Go's module proxy, by the settings that these tools have on this machine.

Neither tool needs to be here: a crate or a module is one archive at an address that both document. Inside a build
they fetch what their lock files name, each file by its hash, from the same registry: `settings_files` hands their
settings on, without any token.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from kit.engines.protocol import OnBytes
from kit.errors import InputError, SourceError
from kit.supply.download import download
from kit.text import plain_text

CRATES_INDEX = "https://index.crates.io/"
GO_PROXY = "https://proxy.golang.org,direct"
CARGO_FILE, GO_FILE = "cargo.toml", "go.env"
# What go's settings say of where modules come from and how they are checked; nothing else is handed on.
GO_NAMES = ("GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOINSECURE")
_MAX_CHAIN = 10
_BARE = re.compile(r"[A-Za-z0-9_-]+")
Table = Mapping[str, object]


def download_crate(package: str, version: str, target: Path, on_bytes: OnBytes) -> None:
    """The archive of a crate (`.crate`), from where cargo here takes crates. The caller checks its hash.

    Format: the index's config.json names `dl`, an address or a template (doc.rust-lang.org/cargo, "Index Format").
    """
    index = crates_index(cargo_settings())
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        download(f"{index}config.json", config, on_bytes)
        try:
            dl = json.loads(config.read_bytes())["dl"]
        except (ValueError, LookupError, TypeError):
            raise SourceError(
                f"{plain_text(index, 200)} is not a crate index: its config.json has no download address.",
                "See [source] in cargo's config.toml.",
            ) from None
    download(crate_address(str(dl), package, version), target, on_bytes)


def crate_address(dl: str, package: str, version: str) -> str:
    """Where a crate lies, from the `dl` of its index."""
    if "{" not in dl:
        return f"{dl}/{package}/{version}/download"
    prefix = f"{len(package)}" if len(package) < 3 else f"{package[:2]}/{package[2:4]}"
    prefix = f"3/{package[0]}" if len(package) == 3 else prefix
    marks = {"crate": package, "version": version, "prefix": prefix, "lowerprefix": prefix.lower()}
    return re.sub(r"\{(crate|version|prefix|lowerprefix)\}", lambda found: marks[found[1]], dl)


def crates_index(settings: Table) -> str:
    """The sparse index that stands for crates.io in cargo's settings, with a slash at its end."""
    sources = _table(settings, "source")
    name, index = "crates-io", f"sparse+{CRATES_INDEX}"
    for _ in range(_MAX_CHAIN):
        source = _table(sources, name)
        index = str(source.get("registry") or _table(_table(settings, "registries"), name).get("index") or index)
        if "replace-with" not in source:
            break
        name = str(source["replace-with"])
    if not index.startswith("sparse+http"):
        raise InputError(
            f"cargo replaces crates.io with {plain_text(name, 60)}, which is not a sparse registry.",
            "The kit needs an index whose address begins with sparse+https://.",
        )
    return index.removeprefix("sparse+").rstrip("/") + "/"


def download_module(package: str, version: str, target: Path, on_bytes: OnBytes) -> None:
    """The zip archive of a Go module, from the first proxy of GOPROXY. The caller checks its sum."""
    proxies = re.split(r"[,|]", go_settings().get("GOPROXY") or GO_PROXY)
    first = next((each.strip() for each in proxies if each.strip().startswith("http")), None)
    if first is None:
        raise InputError("GOPROXY has no proxy address.", "Set GOPROXY to an http or https address.")
    escaped = re.sub(r"[A-Z]", lambda letter: f"!{letter[0].lower()}", package)  # go.dev/ref/mod#goproxy-protocol
    download(f"{first.rstrip('/')}/{escaped}/@v/v{version}.zip", target, on_bytes)


def module_sum(archive: Path) -> str:
    """The sum of a module as go.sum has it ("h1:..."): golang.org/x/mod/sumdb/dirhash, Hash1."""
    lines = []
    try:
        with zipfile.ZipFile(archive) as opened:
            for name in sorted(opened.namelist()):
                digest = sha256()
                with opened.open(name) as member:
                    while block := member.read(1 << 20):
                        digest.update(block)
                lines.append(f"{digest.hexdigest()}  {name}\n")
    except zipfile.BadZipFile:
        return "not a zip archive"
    return "h1:" + base64.b64encode(sha256("".join(lines).encode()).digest()).decode()


# --- the tools' own settings ----------------------------------------------------------------------------


def cargo_settings() -> Table:
    """config.toml in CARGO_HOME, or nothing; `InputError` if it cannot be read."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    path = next((home / name for name in ("config.toml", "config") if (home / name).is_file()), None)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError) as error:
        raise InputError(f"cargo's configuration {path} cannot be read: {error}.", "Fix the file.") from None


def go_settings() -> dict[str, str]:
    """What the environment, or else go's own file of settings, says of where modules come from."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    path = Path(os.environ.get("GOENV") or Path(base) / "go" / "env")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    kept = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    found = {name: os.environ.get(name) or kept.get(name) for name in GO_NAMES}
    return {name: value for name, value in found.items() if value}


def settings_files() -> dict[str, bytes]:
    """cargo's and go's settings for the inside of a build, by file name: where from and how, never a token."""
    settings = cargo_settings()
    tables = {("source", name): table for name, table in _table(settings, "source").items()}
    registries = {
        ("registries", name): {key: value for key, value in _as_table(table).items() if key == "index"}
        for name, table in _table(settings, "registries").items()
    }
    net = {("net",): {key: value for key, value in _table(settings, "net").items() if key in ("retry", "offline")}}
    cargo = "".join(_toml(path, _as_table(table)) for path, table in (tables | registries | net).items())
    go = "".join(f"{name}={value}\n" for name, value in go_settings().items())
    return {CARGO_FILE: cargo.encode(), GO_FILE: go.encode()}


def _toml(path: tuple[str, ...], table: Table) -> str:
    """One table of plain values; JSON's strings, numbers and booleans are TOML's."""
    plain = {key: value for key, value in table.items() if isinstance(value, (str, int, bool))}
    if not plain:
        return ""
    head = ".".join(_key(name) for name in path)
    return f"[{head}]\n" + "".join(f"{_key(key)} = {json.dumps(value)}\n" for key, value in plain.items())


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _table(settings: Table, name: str) -> Table:
    return _as_table(settings.get(name))


def _as_table(value: object) -> Table:
    return value if isinstance(value, dict) else {}

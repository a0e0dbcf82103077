"""Dockerfiles and recipes fit each other, and stay inside what the classic builder can do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.assets import asset
from kit.catalogue.inputs import build_inputs
from kit.errors import InputError
from kit.supply.images import ImageRecipe, names, recipe, recipe_sha256, recipes, targets

ROOT = asset("images")
DOCKERFILES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.Dockerfile"))
SHARED = re.compile(r"# --- what follows.*?\n(.*?# --- end of what is the same ---\n)", re.DOTALL)
# What the kit puts into a context; nothing else can be copied.
CONTEXT = ("source/", "wheels/", "kit/", "kept/", "registries/", "extra-ca/")
USER = "USER 10001:10001"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def instructions(name: str) -> list[tuple[str, str]]:
    """(instruction, its words) of a Dockerfile, comments out and long lines joined."""
    lines = "\n".join(line for line in read(name).splitlines() if not line.lstrip().startswith("#"))
    joined = lines.replace("\\\n", " ")
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(pair[0], " ".join(pair[1].split())) for pair in pairs]


def stages(name: str) -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage by its name, its FROM first."""
    found: dict[str, list[tuple[str, str]]] = {}
    current = ""
    for each in instructions(name):
        if each[0] == "FROM":
            current = each[1].split(" AS ")[1]
            found[current] = []
        if current:
            found[current].append(each)
    return found


# --- Dockerfiles ----------------------------------------------------------------------------------------


def test_every_dockerfile_has_a_recipe_and_every_recipe_its_stage() -> None:
    """No file lies about unused, and no recipe names a target that is not there."""
    assert sorted({each.dockerfile for each in recipes()}) == DOCKERFILES
    for each in recipes():
        assert each.target in stages(each.dockerfile), each


def test_requirements_are_those_of_the_catalogue() -> None:
    """No list of wheels lies about unused."""
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.txt")}
    assert found == {entry.file for entry in build_inputs().values() if entry.kind == "wheels"}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_dockerfile_needs_no_buildkit(name: str) -> None:
    """docker-py has none: no mounts, no heredocs, no syntax line, no COPY --link."""
    known = {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "RUN", "USER", "VOLUME", "WORKDIR",
    }  # fmt: skip
    assert {each for each, _ in instructions(name)} <= known
    assert not re.search(r"RUN\s+--|<<|--link|--exclude|--parents|^#\s*syntax=", read(name), re.MULTILINE)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_stage_starts_from_an_argument_with_a_default(name: str) -> None:
    """So that the kit says which image it is, and a build by hand says what it would be."""
    whole = instructions(name)
    first = next(index for index, (each, _) in enumerate(whole) if each == "FROM")
    arguments = dict(words.split("=", 1) for each, words in whole[:first] if each == "ARG")
    for each, words in whole:
        if each == "FROM":
            base = re.fullmatch(r"(?:\$\{([A-Z]+)\}|([a-z]+)) AS [a-z]+", words)
            assert base is not None, words
            assert base[1] in arguments or base[2] in stages(name)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_build_from_source_passes_the_official_stage_at_no_cost(name: str) -> None:
    """The classic builder builds every stage up to its target: `official` is first, and `scratch` by default."""
    found = stages(name)
    if "official" not in found:
        return
    assert next(iter(found)) == "official"
    assert ("ARG", "OFFICIAL=scratch") in instructions(name)
    if "source" in found:  # then the stage must also be possible without a shell in it
        assert {each for each, _ in found["official"]} <= {"FROM", "COPY", "ENV", "VOLUME", "USER"}
        assert list(found)[-1] == "source"


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_target_ends_as_the_kits_user(name: str) -> None:
    """No server of the kit runs as root."""
    found = stages(name)
    for target in {"official", "source", "kept"} & set(found):
        users = [f"{each} {words}" for each, words in found[target] if each == "USER"]
        assert users[-1] == USER, target


@pytest.mark.parametrize("name", DOCKERFILES)
def test_nothing_is_downloaded_but_by_package_managers(name: str) -> None:
    """Sources come with the context, checked on the host; pip stays offline unless the recipe says otherwise."""
    text = "\n".join(f"{each} {words}" for each, words in instructions(name))
    assert not re.search(r"\b(curl|wget|git)\b|https?://", text)
    assert "apt-get install" not in text.replace("apt-get install -y --no-install-recommends", "")
    index = any(each.index for each in recipes() if each.dockerfile == name)
    offline = [line for line in text.splitlines() if re.search(r"\bpip\b.* install|cargo install", line)]
    assert index or all("--no-index" in line and "--require-hashes" in line for line in offline)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_only_what_is_in_the_context_is_copied(name: str) -> None:
    """From the context's folders or from another stage of the file."""
    for each, words in instructions(name):
        if each in ("COPY", "ADD"):
            source = re.sub(r"--chown=\S+ ", "", words)
            stage = re.match(r"--from=(\S+) ", source)
            assert stage[1] in stages(name) if stage else source.startswith(CONTEXT), words


@pytest.mark.parametrize("runtime", ["llamacpp", "realizar"])
def test_cpu_and_vulkan_share_their_build(runtime: str) -> None:
    """Word for word, or the second would compile for a quarter of an hour what the first has compiled."""
    cpu, vulkan = (SHARED.search(read(f"{runtime}/{name}.Dockerfile")) for name in ("cpu", "vulkan"))
    assert cpu is not None
    assert vulkan is not None
    assert cpu[1] == vulkan[1]
    assert cpu[1].startswith("FROM ${BASE} AS build\n")


@pytest.mark.parametrize("name", [name for name in DOCKERFILES if name.endswith("cuda.Dockerfile")])
def test_a_cuda_image_keeps_compiled_code_where_its_user_can_write(name: str) -> None:
    """Its root is read-only: without a place the driver would compile at every start."""
    made = stages(name)
    inherited = {target: made.get("base", []) if target in ("source", "kept") else [] for target in made}
    for target in {"official", "source", "kept"} & set(made):
        whole = [*inherited[target], *made[target]]
        variables = " ".join(words for each, words in whole if each == "ENV").split()
        caches = [words for words in variables if re.search(r"CACHE_(PATH|DIR|ROOT|HOME)=", words)]
        folders = [words.partition("=")[2] for words in caches]
        assert "CUDA_CACHE_PATH=/cache/cuda" in variables, target
        assert "CUDA_CACHE_MAXSIZE=4294967296" in variables, target
        assert all(folder == "/cache" or folder.startswith("/cache/") for folder in folders), target
        assert ("VOLUME", "/cache") in whole, target
        owned = "COPY --chown=10001:10001 extra-ca/README /cache/cuda/README"
        assert any(
            f"{each} {words}" == owned or "chown -R 10001:10001 /cache" in words for each, words in whole
        ), target


# --- recipes --------------------------------------------------------------------------------------------


def test_tags_are_of_one_form_and_distinct() -> None:
    """kit/RUNTIME:VARIANT-TARGET."""
    tags = [each.tag for each in recipes()]
    assert len(set(tags)) == len(tags)
    assert recipe("llamacpp", "cpu", "source").tag == "kit/llamacpp:cpu-source"


def test_a_selector_is_a_runtime_or_one_variant_of_it() -> None:
    """A runtime means all its variants."""
    assert names("vllm") == ("vllm/cpu", "vllm/cuda")
    assert names("llamacpp/vulkan") == ("llamacpp/vulkan",)
    assert targets("llamacpp/vulkan") == ("source", "official")
    assert targets("loadgen/cpu") == ("source",)


@pytest.mark.parametrize("selector", ["lamacpp", "llamacpp/vulcan", "", "llamacpp/", "/", "\x1b[2J"])
def test_an_unknown_selector_is_refused(selector: str) -> None:
    """With the nearest, or with all there are."""
    with pytest.raises(InputError) as caught:
        names(selector)
    assert caught.value.remedy
    assert "\x1b" not in str(caught.value)


def test_a_recipe_that_is_not_there_names_its_sisters() -> None:
    """Ollama with CUDA cannot be built from source."""
    with pytest.raises(InputError, match="no image of ollama/cuda as source"):
        recipe("ollama", "cuda", "source")
    with pytest.raises(InputError) as caught:
        recipe("ollama", "tpu", "official")
    assert "ollama/cpu (official)" in caught.value.remedy


def test_the_hash_of_a_recipe_follows_what_goes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dockerfile, pins, base and target each change it; asking twice does not."""
    import kit.supply.images.building as building

    cpu = recipe("llamacpp", "cpu", "source")
    first = recipe_sha256(cpu)
    assert recipe_sha256(cpu) == first
    others = {
        recipe_sha256(ImageRecipe(**{**{key: getattr(cpu, key) for key in cpu.__slots__}, **change}))
        for change in ({"base": "bookworm"}, {"inputs": ()}, {"builder": "cuda-devel"})
    }
    assert len(others | {first}) == 4

    def other_file(*_: str) -> Path:
        (tmp_path / "x").write_bytes(b"FROM scratch\n")
        return tmp_path / "x"

    monkeypatch.setattr(building, "asset", other_file)
    assert recipe_sha256(cpu) != first

"""Passthrough: which ways are tried with which engine, and what a trial container proves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents.container import Accelerator, ContainerSpec, PassthroughMethod
from kit.engines.docker.passthrough import (
    NONE,
    Engine,
    Passthrough,
    Trial,
    engine_of,
    host_config_of,
    impossible,
    passthrough_of_trial,
    ways,
)
from kit.errors import EngineError, InternalError
from tests.support.engine_answers import (
    DOCKER_20,
    DOCKER_20_NVIDIA,
    DOCKER_26,
    DOCKER_26_CDI,
    DOCKER_28_EMPTY,
    DOCKER_28_LISTING,
    PODMAN_4,
    PODMAN_5,
    Answers,
)

ENV_UNTOUCHED = "kit-env NVIDIA_VISIBLE_DEVICES=none\n"
RENDER = "kit-device /dev/dri/renderD128 992 660\n"
KFD = "kit-device /dev/kfd 44 660\n"


def tried(accelerator: Accelerator, answers: Answers) -> tuple[Passthrough, ...]:
    """The ways for an accelerator with an engine."""
    return ways(accelerator, engine_of(*answers))


def spec(accelerator: Accelerator, **values: Any) -> ContainerSpec:
    """A container that asks for an accelerator."""
    return ContainerSpec(service="s", image="i", command=(), port=1, accelerator=accelerator, **values)


# --- which ways -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "paths", "how"),
    [
        (DOCKER_20, ["nvidia-classic"], "NVIDIA's hook"),
        (DOCKER_20_NVIDIA, ["nvidia-classic"], "nvidia runtime"),
        (DOCKER_26, ["nvidia-classic"], "NVIDIA's hook"),
        (DOCKER_26_CDI, ["nvidia-cdi", "nvidia-classic"], "reads CDI descriptions"),
        (DOCKER_28_LISTING, ["nvidia-cdi", "nvidia-classic"], "lists nvidia.com/gpu=all"),
        (DOCKER_28_EMPTY, ["nvidia-classic"], "NVIDIA's hook"),
        (PODMAN_5, ["nvidia-cdi"], "podman knows CDI"),
    ],
)
def test_the_ways_for_nvidia_follow_from_what_the_engine_says(
    answers: Answers, paths: list[str], how: str
) -> None:
    """CDI where it can be, the classic request with Docker only."""
    found = tried("nvidia", answers)
    assert [way.path for way in found] == paths
    assert how in found[0].how


def test_the_classic_request_names_the_driver() -> None:
    """An engine with AMD's toolkit would satisfy "any GPU" with one of AMD."""
    (way,) = tried("nvidia", DOCKER_20)
    assert way.request == {"device_requests": [{"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]}]}


def test_the_cdi_request_is_for_all_gpus() -> None:
    """By the name for all, whatever else is listed."""
    way = tried("nvidia", DOCKER_28_LISTING)[0]
    assert way.request == {"device_requests": [{"driver": "cdi", "device_ids": ["nvidia.com/gpu=all"]}]}


def test_gpus_that_are_listed_one_by_one_are_asked_for_one_by_one() -> None:
    """A description may lack the name for all."""
    engine = Engine((1, 51), None, True, ("nvidia.com/gpu=1", "other.com/gpu=0", "nvidia.com/gpu=0"), False)
    way = ways("nvidia", engine)[0]
    assert way.request["device_requests"][0]["device_ids"] == ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]


@pytest.mark.parametrize("version", ["4.3.1", "5.3.9", "5", "odd", None])
def test_an_old_podman_is_refused_before_anything_starts(version: str | None) -> None:
    """It would accept the request and run on the CPU; the user gets commands that work."""
    answers = ({**PODMAN_4[0], "Components": [{"Name": "Podman Engine", "Version": version}]}, PODMAN_4[1])
    with pytest.raises(EngineError, match="ignores requests for GPUs") as caught:
        tried("nvidia", answers)
    assert "podman run --device nvidia.com/gpu=all" in caught.value.remedy
    assert "kit load --url" in caught.value.remedy


@pytest.mark.parametrize("answers", [PODMAN_4, PODMAN_5, DOCKER_20, DOCKER_26_CDI])
def test_device_files_are_tried_with_every_engine(answers: Answers) -> None:
    """ROCm needs kfd and dri."""
    (way,) = tried("rocm", answers)
    assert way.request == {"devices": ["/dev/kfd:/dev/kfd:rwm", "/dev/dri:/dev/dri:rwm"]}


@pytest.mark.parametrize(
    ("answers", "paths"),
    [
        (DOCKER_20, ["nvidia-classic", "dri"]),
        (DOCKER_26_CDI, ["nvidia-cdi", "nvidia-classic", "dri"]),
        (PODMAN_4, ["dri"]),
        (PODMAN_5, ["nvidia-cdi", "dri"]),
    ],
)
def test_vulkan_is_tried_through_nvidia_and_then_by_device_files(answers: Answers, paths: list[str]) -> None:
    """With NVIDIA's driver the render device alone has no Vulkan in it."""
    found = tried("vulkan", answers)
    assert [way.path for way in found] == paths
    assert all(("NVIDIA_DRIVER_CAPABILITIES" in way.environment) is (way.path != "dri") for way in found)


def test_no_accelerator_has_no_way_to_try() -> None:
    """And so no trial."""
    assert tried("none", DOCKER_20) == ()


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["ApiVersion", "Components", "Runtimes", "CDISpecDirs", "DiscoveredDevices", "Version"]


@given(st.dictionaries(st.sampled_from(KEYS), json), st.dictionaries(st.sampled_from(KEYS), json))
def test_no_answer_of_an_engine_makes_it_crash(version: dict[str, Any], info: dict[str, Any]) -> None:
    """Something else than an engine may listen there."""
    engine = engine_of(version, info)
    assert ways("vulkan", engine)[-1].path == "dri"


# --- what a trial shows ---------------------------------------------------------------------------------


def test_a_classic_trial_counts_only_if_the_engine_acted() -> None:
    """Images for NVIDIA set the variable themselves, so the trial gives it another value beforehand."""
    (way,) = tried("nvidia", DOCKER_20)
    assert (
        passthrough_of_trial(way, Trial(None, ENV_UNTOUCHED))
        == "the engine accepted the request but provided no device"
    )
    assert passthrough_of_trial(way, Trial(None, "")) == "the engine accepted the request but provided no device"
    assert isinstance(passthrough_of_trial(way, Trial(None, "kit-env NVIDIA_VISIBLE_DEVICES=all\n")), Passthrough)
    devices = ENV_UNTOUCHED + "kit-device /dev/nvidia0 0 666\n"
    found = passthrough_of_trial(way, Trial(None, devices))
    assert isinstance(found, Passthrough)
    assert "inside there are /dev/nvidia0" in found.how


def test_a_refusal_is_given_back_in_the_engines_words() -> None:
    """Cut, and harmless to print."""
    (way,) = tried("nvidia", DOCKER_20)
    assert passthrough_of_trial(way, Trial('could not select device driver "nvidia"\n\x1b[31m')) == (
        'could not select device driver "nvidia"\ufffd\ufffd[31m'
    )


@pytest.mark.parametrize(
    ("accelerator", "output", "groups"),
    [
        ("rocm", KFD + RENDER, ("44", "992")),
        ("rocm", KFD + "kit-device /dev/dri/renderD128 44 660\n", ("44",)),
        ("rocm", "kit-device /dev/kfd 44 666\n" + RENDER, ("992",)),
    ],
)
def test_the_groups_of_the_device_files_are_taken_along(
    accelerator: Accelerator, output: str, groups: tuple[str, ...]
) -> None:
    """Not those of devices that everybody may open."""
    (way,) = tried(accelerator, DOCKER_20)
    found = passthrough_of_trial(way, Trial(None, output))
    assert isinstance(found, Passthrough)
    assert found.groups == groups


@pytest.mark.parametrize(("output", "missing"), [("", "/dev/kfd"), (KFD, "/dev/dri/render"), (RENDER, "/dev/kfd")])
def test_rocm_without_one_of_its_devices_is_no_way(output: str, missing: str) -> None:
    """/dev/dri may exist and hold no render device."""
    (way,) = tried("rocm", DOCKER_20)
    reason = passthrough_of_trial(way, Trial(None, output))
    assert isinstance(reason, str)
    assert missing in reason


@pytest.mark.parametrize(
    ("accelerator", "refusals", "words"),
    [
        ("nvidia", {"nvidia-classic": 'could not select device driver "nvidia"'}, "nvidia-container-toolkit"),
        ("nvidia", {"nvidia-cdi": "unresolvable CDI devices nvidia.com/gpu=all"}, "nvidia-ctk cdi generate"),
        ("nvidia", {"nvidia-classic": "nvidia-container-cli: nvml error: driver not loaded"}, "check nvidia-smi"),
        ("rocm", {"rocm": "/dev/kfd: no such file or directory"}, "amdgpu"),
        ("vulkan", {"dri": "/dev/dri: no such file or directory"}, "lavapipe"),
    ],
)
def test_the_remedy_follows_from_the_refusal(accelerator: Accelerator, refusals: Any, words: str) -> None:
    """What to install, or what to look at."""
    error = impossible(accelerator, refusals)
    assert words in error.remedy
    assert next(iter(refusals.values())) in error.what


# --- for the container that counts ----------------------------------------------------------------------


def test_the_request_joins_what_the_container_asks_for_itself() -> None:
    """Devices and groups beside the accelerator stay; names of device groups give way to their numbers."""
    found = Passthrough("rocm", "", {"devices": ["/dev/kfd:/dev/kfd:rwm"]}, groups=("44", "992"))
    asked = host_config_of(found, spec("rocm", devices=("/dev/fuse",), group_add=("render", "tape", "44")))
    assert asked == {
        "device_requests": [],
        "devices": ["/dev/kfd:/dev/kfd:rwm", "/dev/fuse"],
        "group_add": ["tape", "44", "992"],
        "environment": {},
    }


def test_a_variable_of_the_container_itself_is_not_overwritten() -> None:
    """Only what is missing is added."""
    found = Passthrough("nvidia-cdi", "", {}, {"NVIDIA_DRIVER_CAPABILITIES": "graphics"})
    assert host_config_of(found, spec("vulkan"))["environment"] == {"NVIDIA_DRIVER_CAPABILITIES": "graphics"}
    own = spec("vulkan", environment={"NVIDIA_DRIVER_CAPABILITIES": "all"})
    assert host_config_of(found, own)["environment"] == {}


@pytest.mark.parametrize("path", ["nvidia-cdi", "nvidia-classic", "dri"])
def test_group_names_never_reach_the_engine(path: PassthroughMethod) -> None:
    """No image defines `render`: a container that asks for it by name does not start. Numbers stay."""
    wanted = spec("vulkan", group_add=("render", "video", "44"))
    assert host_config_of(Passthrough(path, ""), wanted)["group_add"] == ["44"]
    learnt = Passthrough(path, "", groups=("992",))
    assert host_config_of(learnt, wanted)["group_add"] == ["44", "992"]


def test_an_accelerator_without_a_way_never_starts() -> None:
    """It would run on the CPU in silence."""
    with pytest.raises(InternalError, match="asks for nvidia"):
        host_config_of(NONE, spec("nvidia"))
    with pytest.raises(InternalError, match="passthrough is dri"):
        host_config_of(Passthrough("dri", ""), spec("none"))
    assert host_config_of(NONE, spec("none"))["devices"] == []


@pytest.mark.parametrize(
    ("request_", "narrowed"),
    [
        (
            {"driver": "nvidia", "count": -1, "capabilities": [["gpu"]]},
            {"driver": "nvidia", "device_ids": ["1", "3"], "capabilities": [["gpu"]]},
        ),
        (
            {"driver": "cdi", "device_ids": ["nvidia.com/gpu=all"]},
            {"driver": "cdi", "device_ids": ["nvidia.com/gpu=1", "nvidia.com/gpu=3"]},
        ),
    ],
)
def test_a_container_gets_the_gpus_of_its_entry_alone(request_: dict[str, Any], narrowed: dict[str, Any]) -> None:
    """Both ways of asking name them by number; without a choice the request stays for all."""
    way = Passthrough("nvidia-cdi", "tried", {"device_requests": [request_]})
    chosen = ContainerSpec("cuda", "image", (), 1, accelerator="nvidia", gpus=(1, 3))
    assert host_config_of(way, chosen)["device_requests"] == [narrowed]
    everything = ContainerSpec("cuda", "image", (), 1, accelerator="nvidia")
    assert host_config_of(way, everything)["device_requests"] == [request_]

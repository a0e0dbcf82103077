"""Which accelerator a service asks for, from the ways in which Compose lets one say it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kit.documents.container import Accelerator
from kit.runtimes.compose.place import Place

# Compose gives the device file, the kit's engine the whole accelerator: only what is the same thing is accepted.
_DEVICE = re.compile(r"(?P<host>/[^:]*)(?::(?P<inside>/[^:]*))?(?::rwm)?")
_CDI = re.compile(r"[a-z0-9.-]+/[a-z0-9.-]+=.+")
_RESERVATION = "Write {driver: nvidia, count: all, capabilities: [gpu]}."
_ONE_OF_MANY = "the kit gives a container all GPUs, so that it is the same through every engine"


def accelerator_of(service: Place, has: Mapping[str, Place]) -> Accelerator:
    """`nvidia` for a reservation, `rocm` for /dev/kfd, `vulkan` for /dev/dri alone, else `none`."""
    files = {_device(place) for place in (has["devices"].items() if "devices" in has else ())}
    nvidia = _reserved(has)
    if nvidia and files:
        service.refuse(
            "an NVIDIA reservation and device files in one service, which are two accelerators",
            "Make it two services.",
        )
    if files == {"/dev/kfd"}:
        service.refuse("/dev/kfd without /dev/dri", "ROCm needs both: add /dev/dri:/dev/dri.")
    if nvidia:
        return "nvidia"
    return "rocm" if "/dev/kfd" in files else "vulkan" if files else "none"


def _device(place: Place) -> str:
    text = place.string()
    match = _DEVICE.fullmatch(text)
    if _CDI.fullmatch(text):
        place.refuse("a CDI name, which older engines take for a file", f"Use deploy. {_RESERVATION}")
    if match is None:
        place.wrong("a device such as /dev/dri:/dev/dri")
    host, inside = match["host"], match["inside"] or match["host"]
    if host not in ("/dev/kfd", "/dev/dri") or inside != host:
        place.refuse(
            "a device of the host that is not a whole accelerator",
            "Only /dev/kfd and /dev/dri can be given, under their own names.",
        )
    return host


def _reserved(has: Mapping[str, Place]) -> bool:
    place = has.get("deploy")
    for key in ("resources", "reservations", "devices"):
        place = place.fields().get(key) if place else None
    requests = place.items() if place else []
    if len(requests) > 1:
        requests[1].refuse("a second reservation", "One entry covers all GPUs.")
    for request in requests:
        _check_reservation(request)
    return bool(requests)


def _check_reservation(request: Place) -> None:
    fields = request.fields()
    for key in ("driver", "capabilities"):
        if key not in fields:
            request.refuse(f"a reservation without {key}", _RESERVATION)
    fields["driver"].choice(["nvidia"])
    if [item.string() for item in fields["capabilities"].items()] != ["gpu"]:
        fields["capabilities"].refuse("other capabilities than [gpu]", _RESERVATION)
    if "device_ids" in fields:
        fields["device_ids"].refuse(_ONE_OF_MANY, f"{_RESERVATION} Choose one with CUDA_VISIBLE_DEVICES.")
    if "count" in fields and fields["count"].text() not in ("all", "-1"):
        fields["count"].refuse(_ONE_OF_MANY, f"{_RESERVATION} Choose one with CUDA_VISIBLE_DEVICES.")

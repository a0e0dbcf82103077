"""What real engines answered to `version` and `info`, cut to what passthrough looks at and its surroundings.

Recorded in November 2026 from Debian's packages: Docker 20.10.24 and podman 4.3.1 (Debian 12), Docker 26.1.5 with
CDI switched on and podman 5.4.2 (Debian 13). The one of Docker 28 is made from the API's documentation.
"""

from __future__ import annotations

from typing import Any

Answers = tuple[dict[str, Any], dict[str, Any]]


def _docker(version: str, api: str, **info: Any) -> Answers:
    parts = [("Engine", version), ("containerd", "1.7.24~ds1"), ("runc", "1.1.15+ds1"), ("docker-init", "0.19.0")]
    components = [{"Name": name, "Version": number, "Details": {"GitCommit": ""}} for name, number in parts]
    runtimes = {"io.containerd.runc.v2": {"path": "runc"}, "runc": {"path": "runc"}}
    return (
        {"Version": version, "ApiVersion": api, "Components": components},
        {"ServerVersion": version, "Runtimes": runtimes, "DefaultRuntime": "runc", **info},
    )


def _podman(version: str, **info: Any) -> Answers:
    components = [
        {
            "Name": "Podman Engine",
            "Version": version,
            "Details": {"APIVersion": version, "MinAPIVersion": "4.0.0"},
        },
        {"Name": "Conmon", "Version": "conmon version 2.1.12, commit: unknown", "Details": {}},
        {"Name": "OCI Runtime (runc)", "Version": "runc version 1.1.15+ds1\nspec: 1.2.0", "Details": {}},
    ]
    return (
        {"Version": version, "ApiVersion": "1.41", "Components": components},
        {
            "ServerVersion": version,
            "Runtimes": {"crun": {"path": "/usr/bin/crun"}},
            "DefaultRuntime": "runc",
            **info,
        },
    )


DOCKER_20 = _docker("20.10.24+dfsg1", "1.41")
DOCKER_20_NVIDIA = _docker(
    "20.10.24+dfsg1", "1.41", Runtimes={"nvidia": {"path": "nvidia-container-runtime"}, "runc": {"path": "runc"}}
)
DOCKER_26 = _docker("26.1.5+dfsg1", "1.45")
DOCKER_26_CDI = _docker("26.1.5+dfsg1", "1.45", CDISpecDirs=["/etc/cdi", "/var/run/cdi"])
DOCKER_28_LISTING = _docker(
    "28.3.0",
    "1.51",
    CDISpecDirs=["/etc/cdi", "/var/run/cdi"],
    DiscoveredDevices=[
        {"Source": "cdi", "ID": "amd.com/gpu=all"},
        {"Source": "cdi", "ID": "nvidia.com/gpu=0"},
        {"Source": "cdi", "ID": "nvidia.com/gpu=all"},
    ],
)
DOCKER_28_EMPTY = _docker("28.3.0", "1.51", CDISpecDirs=["/etc/cdi", "/var/run/cdi"], DiscoveredDevices=[])
PODMAN_4 = _podman("4.3.1")
PODMAN_5 = _podman("5.4.2", CDISpecDirs=None)

"""What is here for a run that nobody wrote a platform for: machine, container engine, programs of the PATH."""

from __future__ import annotations

from importlib.util import find_spec

from kit.cpus import usable_cpus
from kit.documents import Entry, Gpu
from kit.engines import connect
from kit.engines.protocol import ContainerHost
from kit.errors import KitError
from kit.machine.here import describe_host
from kit.plan.choosing.runtime_choice import EMBEDDED, gpu_kind
from kit.plan.choosing.wishes import Machine
from kit.runtimes import RUNTIMES
from kit.runtimes.programs import PROGRAMS
from kit.supply.programs import find_program
from kit.supply.provision import preflight

RUN = "look"  # the run that labels what a look makes on an engine
_TRIED = {"nvidia": "cuda", "other": "vulkan"}


def look_around(*, containers: bool = True) -> Machine:
    """This machine and what it has to run servers with; nothing is built or fetched.

    Without `containers` no container engine is asked.
    """
    host = describe_host()
    engine, no_engine, no_gpu = _engine(host.gpus) if containers else (False, "it was not asked for", "")
    programs: dict[str, str | None] = {}
    broken: dict[str, str] = {}
    # With an engine, servers run in containers: vLLM alone takes seconds to say its version.
    for name in () if engine else PROGRAMS.values():
        try:
            found = find_program(name)
        except KitError as error:
            broken[name] = error.what
            continue
        if found is not None:
            programs[name] = found.pin.version
    return Machine(
        cpus=usable_cpus(),
        memory_bytes=host.memory_bytes,
        gpus=host.gpus,
        engine=engine,
        no_engine=no_engine,
        embedded=find_spec(RUNTIMES["llamacpp"].PROCESS_VARIANTS[EMBEDDED]) is not None,
        programs=programs,
        broken=broken,
        no_gpu_in_containers=no_gpu,
    )


def _engine(gpus: tuple[Gpu, ...]) -> tuple[bool, str, str]:
    """Whether a container engine answers, why not, and why its containers see no GPU if there is one."""
    try:
        with connect(RUN) as host:
            return True, "", _no_gpu(host, gpus)
    except KitError as error:
        return False, error.what, ""


def _no_gpu(host: ContainerHost, gpus: tuple[Gpu, ...]) -> str:
    if not gpus:
        return ""
    try:
        preflight(host, [Entry("gpu", "llamacpp", _TRIED[gpu_kind(gpus[0])], {})])
    except KitError as error:
        return error.what
    return ""

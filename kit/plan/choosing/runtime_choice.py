"""Which runtimes and variants can run a model here, and why the others cannot. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.documents.host import Gpu
from kit.errors import InputError
from kit.plan.choosing.wishes import KnownModel, Machine, Wishes
from kit.runtimes import OWN, RUNTIMES
from kit.runtimes.programs import PROGRAM, PROGRAM_GPU, PROGRAMS
from kit.text import hint, listed, plain_text

# In the order in which they are named. What reads few models or takes long to build is measured if asked for.
ORDER = ("llamacpp", "ollama", "vllm", "realizar")
ASKED_FOR = {"realizar": "it reads few GGUF files and is built from source; ask for it with --runtime"}
EMBEDDED = "embedded"
_NVIDIA = ("nvidia", "geforce", "quadro", "tesla", "rtx")
_GPU_VARIANTS = {"nvidia": "cuda", "other": "vulkan"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A runtime's variant that can run the model, what its entry is called, and how it is told."""

    name: str
    runtime: str
    variant: str
    gpu: bool
    words: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """Those that are measured, and lines on what was chosen and what was left out, with the reasons."""

    chosen: tuple[Candidate, ...]
    reasons: tuple[str, ...]


def candidates(machine: Machine, model: KnownModel, wishes: Wishes, engine: str) -> Candidates:
    """`InputError` with the reason if a runtime that was asked for cannot run the model, or if none can."""
    for name in wishes.runtimes or ():
        if name not in OWN:  # one from outside is named in a platform file
            raise InputError(
                f"There is no runtime {plain_text(name)!r}.",
                hint(name, RUNTIMES, f"Known: {', '.join(RUNTIMES)}."),
            )
    names = [name for name in (*ORDER, *RUNTIMES) if name in (wishes.runtimes or RUNTIMES)]
    found: list[Candidate] = []
    left_out: dict[str, str] = {}
    for name in dict.fromkeys(names):
        reason = _why_not(name, machine, model, wishes, engine)
        if reason:
            left_out[name] = reason
        else:
            found += _here(name, machine, engine)
    for name in wishes.runtimes or ():
        if name in left_out:
            raise InputError(f"The runtime {name} cannot be measured: {left_out[name]}.", _remedy(name, engine))
    if not found:
        raise InputError(
            f"Nothing here can run {model.name}: "
            + "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
            + ".",
            "pip install 'llm-repro-kit[demo]', or start a container engine.",
        )
    return Candidates(tuple(found), tuple(_reasons(machine, wishes, engine, found, left_out)))


def _why_not(name: str, machine: Machine, model: KnownModel, wishes: Wishes, engine: str) -> str:
    """Why a runtime is left out; empty if it is not."""
    if model.folder != RUNTIMES[name].LOADS_FOLDERS:
        if model.folder:
            return "it loads one GGUF file, and the model is a folder of weights"
        return "it loads a folder of safetensors, and the model is one GGUF file"
    if engine == "process" and not any(_here(name, machine, engine)):
        return _absent(name, machine)
    asked = name in (wishes.runtimes or ())
    return ASKED_FOR[name] if name in ASKED_FOR and engine == "docker" and not asked else ""


def _absent(name: str, machine: Machine) -> str:
    program = PROGRAMS.get(name)
    if program is None:
        return "it runs in containers only"
    if program in machine.broken:
        return machine.broken[program].rstrip(".")
    if EMBEDDED in RUNTIMES[name].PROCESS_VARIANTS:
        return f"neither the wheel {RUNTIMES[name].PROCESS_VARIANTS[EMBEDDED]} nor {program} on the PATH"
    return f"no {program} on the PATH"


def _remedy(name: str, engine: str) -> str:
    return f"Leave {name} out of --runtime" + (
        ", or start a container engine." if engine == "process" else ", or give a model that it loads."
    )


def _here(name: str, machine: Machine, engine: str) -> Iterator[Candidate]:
    """The variants of a runtime that this machine has: one in a container, or those that are processes."""
    runtime = RUNTIMES[name]
    if engine == "docker":
        variant = _in_container(runtime.VARIANTS, machine)
        yield Candidate(name, name, variant, variant != "cpu", f"{name} ({variant})")
        return
    if EMBEDDED in runtime.PROCESS_VARIANTS and machine.embedded:
        yield Candidate(name, name, EMBEDDED, False, f"{name} (embedded in the kit, CPU)")
    program = PROGRAMS.get(name)
    if program is not None and program in machine.programs:
        gpu = bool(machine.gpus) and PROGRAM_GPU in runtime.PROCESS_VARIANTS
        version = plain_text(machine.programs[program] or "", 40)
        words = f"{program} {version}".strip() + f" (on the PATH, {'GPU' if gpu else 'CPU'})"
        called = program if name == "llamacpp" else name  # which may be here twice
        yield Candidate(called, name, PROGRAM_GPU if gpu else PROGRAM, gpu, words)


def _in_container(variants: Sequence[str], machine: Machine) -> str:
    """The variant for the GPU that containers see, where the runtime has one; else the CPU's."""
    if machine.gpus and not machine.no_gpu_in_containers:
        wanted = _GPU_VARIANTS[gpu_kind(machine.gpus[0])]
        if wanted in variants:
            return wanted
    return "cpu"


def gpu_kind(gpu: Gpu) -> str:
    """Whether a GPU is of NVIDIA, by what its driver tells."""
    told = gpu.cuda is not None or any(word in gpu.name.lower() for word in _NVIDIA)
    return "nvidia" if told else "other"


def _reasons(
    machine: Machine, wishes: Wishes, engine: str, found: Sequence[Candidate], left_out: dict[str, str]
) -> Iterator[str]:
    if engine == "docker":
        yield "Engine: containers" + (", as asked." if wishes.engine else ": a container engine answers.")
    else:
        told = machine.no_engine.rstrip(".") or "no container engine answers"
        yield "Engine: processes of this machine" + (", as asked." if wishes.engine else f": {told}.")
    yield f"Runtimes: {listed(each.words for each in found)}" + (", as asked." if wishes.runtimes else ".")
    absent = [f"{name}: {reason}" for name, reason in left_out.items()] if not wishes.runtimes else []
    for name in dict.fromkeys(each.runtime for each in found):  # measured, but not by its program
        if PROGRAMS.get(name) in machine.broken:
            absent.append(machine.broken[PROGRAMS[name]].rstrip("."))
    if absent:
        yield f"Left out: {'; '.join(absent)}."
    yield f"Device: {_device(machine, engine, found)}."


def _device(machine: Machine, engine: str, found: Sequence[Candidate]) -> str:
    gpus = listed(dict.fromkeys(plain_text(gpu.name, 60) for gpu in machine.gpus))
    if any(each.gpu for each in found):
        rest = [each.name for each in found if not each.gpu]
        return f"{gpus}" + (f"; {listed(rest)} on the CPU" if rest else "")
    if not machine.gpus:
        return f"CPU, {machine.cpus} of them; no GPU seen"
    why = machine.no_gpu_in_containers.rstrip(".") if engine == "docker" else "nothing here can use it"
    return f"CPU, {machine.cpus} of them; {gpus} is left out: {why or 'no runtime here has a variant for it'}"

"""Programs that a model wrote are run here and nowhere else: confined, and judged from outside.

with open_sandbox("process") as sandbox:                                    bubblewrap or namespaces of Linux
with open_sandbox("container", host=host, image=images.loadgen) as sandbox: host from `kit.engines.connect`
    for outcome in sandbox.run(programs): ...
"""

from contextlib import AbstractContextManager

from kit.engines.protocol import ContainerHost
from kit.errors import InternalError
from kit.sandbox.protocol import Kind, Limits, Outcome, Program, Sandbox, SandboxFacts, Status

__all__ = ["Kind", "Limits", "Outcome", "Program", "Sandbox", "SandboxFacts", "Status", "open_sandbox"]

DEFAULT = Limits()


def open_sandbox(
    kind: Kind,
    *,
    host: ContainerHost | None = None,
    image: str = "",
    limits: Limits = DEFAULT,
    workers: int = 1,
) -> AbstractContextManager[Sandbox]:
    """A sandbox while the block runs; `workers` programs run at once.

    "container" takes the engine and an image with Python, of which that of the load generator is one.
    `EngineError` with the remedy where nothing can confine a program, which is then not run.
    """
    if kind == "process":
        from kit.sandbox.process import process_sandbox

        return process_sandbox(limits, workers)
    if host is None:
        raise InternalError("A sandbox in containers was asked for without an engine.", "Report it.")
    from kit.sandbox.container import container_sandbox

    return container_sandbox(host, image, limits, workers)

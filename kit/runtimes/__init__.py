"""The runtimes the kit knows: plain modules that satisfy `protocol.Runtime`, and those that it finds elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kit.runtimes import llamacpp, ollama, realizar, vllm
from kit.runtimes.protocol import Runtime

OWN: Mapping[str, Runtime] = {
    llamacpp.NAME: llamacpp,
    ollama.NAME: ollama,
    realizar.NAME: realizar,
    vllm.NAME: vllm,
}


class _Runtimes(Mapping[str, Runtime]):
    """Those of the kit, and by name also those from outside: they are looked for when a name is none of the kit's.

    Who judges strangers' plans asks `kit.runtimes.planned` instead: what is installed here must not matter there.
    """

    def __getitem__(self, name: str) -> Runtime:
        if name in OWN:
            return OWN[name]
        from kit.runtimes.outside import search

        return search.found()[name].runtime

    def __iter__(self) -> Iterator[str]:
        return iter(OWN)

    def __len__(self) -> int:
        return len(OWN)


RUNTIMES: Mapping[str, Runtime] = _Runtimes()


def runtime_names() -> list[str]:
    """The names of all runtimes that can be had here."""
    from kit.runtimes.outside import search

    return [*OWN, *search.found()]

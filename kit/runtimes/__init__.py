"""The runtimes the kit knows: plain modules that satisfy `contract.Runtime`."""

from __future__ import annotations

from collections.abc import Mapping

from kit.runtimes import llamacpp, ollama, realizar, vllm
from kit.runtimes.protocol import Runtime

RUNTIMES: Mapping[str, Runtime] = {
    llamacpp.NAME: llamacpp,
    ollama.NAME: ollama,
    realizar.NAME: realizar,
    vllm.NAME: vllm,
}

"""What people ask for: platform files, with the entries and the workload that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kit.documents.pins import Hardware, ModelSource, Sparse, Target
from kit.documents.quality.asked import EvaluationWish
from kit.documents.rules import SearchWish
from kit.documents.sessions import SessionWork
from kit.documents.shape import Api, Arrivals, OutputTokens, TraceSource
from kit.documents.vocabulary import Setting
from kit.documents.witness import WitnessWish

Engine = Literal["process", "docker"]


@dataclass(frozen=True, slots=True)
class Workload(Sparse):
    """One load, as people write it in a platform file; durations in seconds.

    `first_timeout_s` is how long the first text of an answer may take; None is the kit's own limit. With `search`
    its levels stand in place of the concurrencies. Every length of `input_tokens` (prompts are then made of the
    kit's corpus) is asked with every one of `output_tokens`. An open loop has `rates` in requests a second, or a
    `trace`, of the kit or a file, played so many times as fast (`speeds`); its one concurrency is how many
    requests are expected at once. With `sessions` the concurrent users ask turn after turn, `output_tokens` for
    each.
    """

    name: str
    prompts: str
    output_tokens: OutputTokens | tuple[int, ...]
    loop: Literal["closed", "open"]
    concurrencies: tuple[int, ...]
    warmup_s: float
    window_s: float
    drain_s: float
    replicates: int
    ignore_eos: bool
    first_timeout_s: float | None = None
    search: SearchWish | None = None
    input_tokens: tuple[int, ...] = ()
    rates: tuple[float, ...] = ()
    arrivals: Arrivals | None = None
    burstiness: float | None = None
    trace: str | TraceSource | None = None
    speeds: tuple[float, ...] = ()
    api: Api = "chat"
    sessions: SessionWork | None = None


@dataclass(frozen=True, slots=True)
class Entry(Sparse):
    """One configuration of one runtime that is to be measured.

    `model` and `image` are names in the catalogue: other weights than the platform's, another image than the
    variant's own. Concurrencies above `max_concurrency` are left out for this entry. An entry with a `url` is a
    server that already runs: `runtime` is then "server", `variant` "running", and `settings` are empty. It is
    asked for the model `served_model` (None is the first that it lists), with the key in the variable
    `api_key_env` of the environment (None is KIT_API_KEY, if that is set). `flags` stand behind the command that
    settings make; `gpus` are the numbers of those that the server may use, none are all.
    """

    name: str
    runtime: str
    variant: str
    settings: Mapping[str, Setting]
    model: str | None = None
    image: str | None = None
    max_concurrency: int | None = None
    url: str | None = None
    served_model: str | None = None
    api_key_env: str | None = None
    flags: tuple[str, ...] = ()
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """Which correctness prompts gate a cell."""

    name: str
    level: str


@dataclass(frozen=True, slots=True)
class Platform(Sparse):
    """A machine class and what to measure on it: one YAML file under compose/platforms.

    `published` names figures of others in kit/catalogue/published.yaml. `target` says which images to take where
    both can be had: the runtime's own, or built from sources; None leaves it to the machine. `sources` are the
    blocks that stand in the file in place of a model's name, by the name that the platform has for each here.
    With `evaluation` each entry is asked the tasks of a suite after its cells.
    With `witness` some answers of each load are compared with those to the same requests alone.
    """

    schema: Literal["kit/platform/1"]
    name: str
    title: str
    engine: Engine
    model: str
    correctness: Suite
    workload: Workload
    seed: int
    entries: tuple[Entry, ...]
    hardware: Hardware | None = None
    published: str | None = None
    target: Target | None = None
    evaluation: EvaluationWish | None = None
    sources: Mapping[str, ModelSource] = field(default_factory=dict)
    witness: WitnessWish | None = None

    def written(self) -> Iterator[tuple[str, object]]:
        """As people write it: what names stand for in their places."""
        for name, value in Sparse.written(self):
            if name == "model":
                yield name, self.sources.get(self.model, self.model)
            elif name == "entries":
                yield name, [self._written_entry(entry) for entry in self.entries]
            elif name != "sources":
                yield name, value

    def _written_entry(self, entry: Entry) -> object:
        source = self.sources.get(entry.model) if entry.model is not None else None
        return entry if source is None else {**dict(entry.written()), "model": source}

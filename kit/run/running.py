"""A cell of a server that already runs: nothing is started or stopped, all else is as in any cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kit.documents import Entry
from kit.engines.process import ProcessEngine
from kit.probe.running import RunningProbe, access_of, look_at, target_of
from kit.run.model_choice import chosen_model
from kit.run.phases import CellInputs, CellState, Server
from kit.runtimes.protocol import ServerSpec


def with_own_key(inputs: CellInputs) -> CellInputs:
    """The inputs of such a cell, its load generator with the key of the entry; `InputError` if that is not set.

    Its load is always carried out by processes of this machine.
    """
    return replace(inputs, engine=ProcessEngine(access_of(inputs.entry).environment()))


def find_server(state: CellState) -> CellState:
    """What answers at the address, and the model that it is asked for; an error that says why nothing can be."""
    entry = state.inputs.entry
    target, access = target_of(entry), access_of(entry)
    found = look_at(target, access)
    name = entry.served_model or chosen_model(target, access)
    probe = RunningProbe(target, access)
    spec = ServerSpec(
        name=entry.name, command=(), port=target.port, ready_path=target.models_path, start_budget_s=0
    )
    server = Server(spec, probe.running, probe)
    return replace(state, started=server, found=found, model_name=name)


def require_answers(entries: Iterable[Entry]) -> None:
    """Look at each server that already runs, before anything is measured; the error of the first that is gone."""
    for entry in entries:
        if entry.url is not None:
            look_at(target_of(entry), access_of(entry))

"""The witness: what honest servers and frauds differ by, how often it errs, and references as data.

python -m benchmarks.witness simulate
python -m benchmarks.witness measure            a few minutes: real llama.cpp on this machine
python -m benchmarks.witness reference MODEL    prints prompts/witness/MODEL.json
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from tabulate import tabulate

from benchmarks.witness import reference
from benchmarks.witness.servers import ask_both, load_of, served
from benchmarks.witness.simulated import Server, accused
from benchmarks.witness.weights import with_fewer_bits, without_layer
from kit.catalogue import model
from kit.documents import Setting
from kit.documents.witness import WitnessAnswer
from kit.metrics.witness.facts import Witnessed, witness_facts
from kit.metrics.witness.pairs import distance_millinats
from kit.plan.witness import reference as known_reference
from kit.plan.witness import reference_pin
from kit.strict import plain, write_json
from kit.supply.download import fetch

MODEL = "smollm2-135m-instruct-q4_1"
QUESTIONS, TOKENS = 32, 24
SIMULATED = (
    Server("the same kernels", 0.0),
    Server("near ties told", 0.01, reference=0.01, unmoved=0.2),
    Server("near ties told, a bad case", 0.05, reference=0.05, unmoved=0.33),
    Server("no log probabilities", 0.2, reference=0.1, margins=False),
    Server("never the same twice", 0.5, repeated=0.5, margins=False),
    Server("garbage in every answer", 1.0, honest=False),
    Server("garbage in every second answer", 0.5, honest=False),
    Server("garbage, no log probabilities", 1.0, margins=False, honest=False),
    Server("other weights", 0.0, reference=0.6, honest=False),
    Server("a cache", 0.0, unmoved=1.0, honest=False),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("simulate", "measure", "reference"))
    parser.add_argument("model", nargs="?", default=MODEL)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kit-witness-") as folder:
        if given.what == "simulate":
            print(simulated())
        elif given.what == "measure":
            print(measured(Path(folder)))
        else:
            made_by = f"llama.cpp of xllamacpp {version('xllamacpp')}, 1 slot, 1 thread"
            made = reference.make(given.model, made_by, Path(folder, "server.log"))
            sys.stdout.write(write_json(plain(made)).decode())
    return 0


def simulated() -> str:
    """How often each server is accused, by the number of questions."""
    counts = (8, 16, 32)
    rows = [
        [each.name, "honest" if each.honest else "fraud", *(f"{100 * accused(each, n):.2f} %" for n in counts)]
        for each in SIMULATED
    ]
    return tabulate(rows, ["server", "", *(f"{n} questions" for n in counts)], tablefmt="github")


def measured(folder: Path) -> str:
    """What real servers differ by: under load against alone, and from the reference."""
    weights = fetch(model(MODEL))
    honest: tuple[tuple[str, dict[str, Setting]], ...] = (
        ("1 slot", {"slots": 1}),
        ("4 slots", {"slots": 4}),
        ("8 slots, 2 threads", {"slots": 8, "threads": 2}),
    )
    rows = [_under_load(name, weights, folder, **settings) for name, settings in honest]
    first = tabulate(rows, ["server", "asked", "differ", "near", "as text", "unmoved"], tablefmt="github")
    frauds: tuple[tuple[str, Callable[[Path, Path], Path]], ...] = (
        ("3 bits", lambda source, made: with_fewer_bits(source, made, 3)),
        ("2 bits", lambda source, made: with_fewer_bits(source, made, 2)),
        ("without layer 15", lambda source, made: without_layer(source, made, 15)),
        ("without layer 29", lambda source, made: without_layer(source, made, 29)),
    )
    found = [_from_reference("the weights", weights, folder)]
    found.append(_from_reference("the weights, batches of 16", weights, folder, ubatch_tokens=16))
    found += [_from_reference(name, make(weights, folder / "made.gguf"), folder) for name, make in frauds]
    second = tabulate(found, ["server", "asked", "differ", "near", "distances"], tablefmt="github")
    return f"{first}\n\n{second}"


def _under_load(name: str, weights: Path, folder: Path, **settings: Setting) -> list[object]:
    with served(weights, folder / "server.log", **settings) as url:
        asked = ask_both(load_of(url, 1, TOKENS), QUESTIONS, TOKENS)
    alone = [answer for found in asked.alone.values() for answer in found.values()]
    facts = witness_facts(Witnessed(alone, (), asked.loaded))
    texts = sum(answer.text != asked.loaded[number] for number, answer in asked.alone["again"].items())
    return [name, facts.asked, facts.differ, facts.near, texts, f"{facts.unmoved} of {facts.changed}"]


def _from_reference(name: str, weights: Path, folder: Path, **settings: Setting) -> list[object]:
    known = known_reference(reference_pin(MODEL))
    assert known is not None
    with served(weights, folder / "server.log", **settings) as url:
        told = reference.answers(url, known.questions, known.tokens)
    facts = witness_facts(Witnessed(told, (), {}, known))
    distances = sorted(round(each) for each in _distances(told, [q.answer for q in known.questions]))
    shown = f"{distances[0]} to {distances[-1]}, median {distances[len(distances) // 2]}" if distances else ""
    return [name, facts.reference_asked, facts.reference_differ, facts.reference_near, shown]


def _distances(told: Sequence[WitnessAnswer], known: Sequence[WitnessAnswer]) -> list[float]:
    both = zip(known, told, strict=True)
    return [found for mine, other in both if (found := distance_millinats(mine, other)) is not None]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

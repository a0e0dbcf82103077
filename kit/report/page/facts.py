"""What a page says beside figures: machine, labels, warnings, versions, commands; plain text. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from kit.documents import NO_WEIGHTS, FoundServer, Host, ModelPin, Plan, ServerFacts
from kit.documents.pins import WeightsPin
from kit.documents.study import Study
from kit.judge.machines import machine_text, named_machines
from kit.judge.study import entries_of, suspicions_of
from kit.metrics.limits import MIN_REPLICATES_FOR_INTERVAL
from kit.report.calibration_text import calibration_line
from kit.report.failure_text import failure_lines
from kit.report.host_text import beside_cpu
from kit.report.method_text import chosen_lines, client_lines, method_lines
from kit.report.page.inputs import PageInput
from kit.text import NO_DATA, bytes_text, listed, plain_text

LABELS = {
    "self-reported": "self-reported: every number follows from the records; that they were made on this "
    "machine is stated by its owner",
    "consistent": "consistent: every number follows from the records, and telemetry of the load agrees",
}
UNVERIFIABLE = "imported: measured by others with another method; without records they cannot be verified"
MAX_SHOWN = 300
MAX_MACHINES = 2000
MAX_ALERTS, MAX_ALERT = 3, 180
NOT_OURS = "not started by the kit"


def machine(given: PageInput) -> str:
    """What it ran on, in a line; nothing where nobody says."""
    study = given.study
    if study.machine is None and study.hardware is None:
        return ""
    words = machine_text(study)
    if (
        study.hardware is not None
        and study.hardware.accelerator != "none"
        and not (study.machine and study.machine.gpus)
    ):
        # a run from before GPUs were looked at: its servers proved that they computed on one
        words = f"{plain_text(study.hardware.device, MAX_SHOWN)} (as its platform names it)"
    return plain_text(words, MAX_SHOWN)


def machines_line(inputs: Sequence[PageInput]) -> str:
    """That the runs of a page are of several machines, and which; nothing where they are of one."""
    found = [name for name in dict.fromkeys(named_machines([given.study for given in inputs])) if name]
    if not found:
        return ""
    words = f"{len(found)} machines, so differences between these runs may be the machine's"
    return plain_text(f"{words}: {'; '.join(found)}.", MAX_MACHINES)


def models(study: Study) -> str:
    """The names of the weights, each once."""
    names = dict.fromkeys(subject.model for subject in study.subjects if subject.model)
    return plain_text(", ".join(names), MAX_SHOWN)


def measured_on(study: Study) -> str:
    """The day of the first and the last measurement; nothing where nobody says."""
    days = sorted({t.measured_utc[:10] for s in study.subjects for t in s.trials if t.measured_utc})
    return plain_text(" to ".join(dict.fromkeys((days[0], days[-1]))), 30) if days else ""


def label_of(given: PageInput) -> tuple[str, str]:
    """The word and what it means."""
    if given.study.label is None:
        return "imported, unverifiable", UNVERIFIABLE
    return given.study.label, LABELS[given.study.label]


def identity_words(given: PageInput) -> str:
    """What the identity is the sha256 of."""
    return {"bundle": "bundle", "run": "result", "imported": "imported files"}[given.kind]


def suspects(study: Study) -> list[tuple[str, str]]:
    """(where, why) of each subject whose figures may be the load generator's own."""
    return [
        (f"{plain_text(subject.entry, 60)} at {subject.concurrency}", plain_text("; ".join(reasons), MAX_SHOWN))
        for subject in study.subjects
        if (reasons := suspicions_of(subject))
    ]


def lost(study: Study) -> list[tuple[str, str]]:
    """(where, why) of each planned replicate without a result."""
    return [
        (plain_text(trial.source, 100), plain_text(f"{trial.status}: {trial.reason}".rstrip(": "), MAX_SHOWN))
        for subject in study.subjects
        for trial in subject.trials
        if trial.status != "measured"
    ]


def failed(given: PageInput) -> list[str]:
    """Why requests failed, each reason once."""
    return [line.removeprefix("- ") for line in failure_lines(given.failed)]


def counted(given: PageInput) -> list[tuple[str, str]]:
    """(where, what) of each row with something to say about how its tokens and chunks were counted."""
    return [(f"{plain_text(entry, 60)} at {users}", " ".join(lines)) for entry, users, lines in given.counted]


def _own_weights(plan: Plan) -> Iterator[str]:
    pins: tuple[ModelPin | WeightsPin, ...] = (plan.model, *plan.models)
    for pin in pins:
        if not pin.catalogue:
            name, origin = plain_text(pin.name), plain_text(pin.origin or "", 200)
            yield f"The weights {name} are not of the catalogue: sha256 {pin.sha256}, from {origin}."


def cautions(given: PageInput) -> list[str]:
    """What else a reader should know before believing the numbers."""
    found = []
    study, plan = given.study, given.plan
    most = max((len(subject.trials) for subject in study.subjects), default=0)
    if most < MIN_REPLICATES_FOR_INTERVAL:
        word = "one replicate" if most == 1 else f"{most} replicates"
        found.append(f"{word.capitalize()}: intervals need three; without them a lead may be chance.")
    if plan is not None and plan.model != NO_WEIGHTS and not plan.model.confirmed:
        found.append(f"The hash of the model {plain_text(plan.model.name)} is not confirmed.")
    found += _own_weights(plan) if plan is not None else ()
    found += running_cautions(plan) if plan is not None else []
    if given.kind != "imported" and given.calibration is None:
        found.append("The load generator was not calibrated in this run.")
    if given.kind == "imported":
        found.append(UNVERIFIABLE[0].upper() + UNVERIFIABLE[1:] + ".")
    found += given.disturbance
    found += given.witness
    if study.note:
        found.append(plain_text(study.note, 1000))
    return found


def alerts(given: PageInput) -> tuple[list[str], int]:
    """The gravest warnings, a line each for the first screen, and how many more there are."""
    study = given.study
    found = [f"No result of {where}: {why}" for where, why in lost(study)]
    found += [f"{_users(where)} is SUSPECT and left out of the verdict: {why}" for where, why in suspects(study)]
    found += [f"Failed requests: {line}" for line in failed(given)]
    found += cautions(given)
    return [plain_text(line, MAX_ALERT) for line in found[:MAX_ALERTS]], max(0, len(found) - MAX_ALERTS)


def _users(where: str) -> str:
    """`vllm at 4` as `vllm at 4 users`."""
    return f"{where} user{'' if where.endswith(' at 1') else 's'}"


def running_cautions(plan: Plan) -> list[str]:
    """What nobody can know of servers that already ran."""
    running = [plain_text(entry.name, 60) for entry in plan.entries if entry.url is not None]
    if not running:
        return []
    found = [f"{listed(running)}: not started by the kit. Settings and weights are unknown."]
    if len(running) > 1:
        found.append("These servers may share a machine: each was loaded alone, but the others went on running.")
    return found


def method(given: PageInput) -> list[str]:
    """How the numbers came about."""
    if given.plan is None:
        said = given.study.conditions
        return [f"Metrics as {said.method} defines them; what its files do not state is unknown."]
    return [
        *method_lines(given.plan),
        *client_lines(given.plan, plain_text),
        *chosen_lines(given.plan, plain_text),
        calibration_line(given.calibration),
        *(given.telemetry or ("No telemetry in this run.",)),
    ]


def host_facts(host: Host) -> list[tuple[str, str]]:
    """The machine by allow list, (name, value)."""
    facts = [
        ("CPU", host.cpu_model or NO_DATA),
        ("CPUs", f"{host.cpus_usable} usable of {host.cpus}"),
        ("memory", bytes_text(host.memory_bytes)),
        *((name[0].lower() + name[1:] if name != "GPU" else name, words) for name, words in beside_cpu(host)),
        ("system", f"{host.system} {host.kernel}, {host.architecture}"),
        ("clock", host.clock_source or NO_DATA),
        ("CPU governor", host.cpu_governor or "not stated"),
        ("Python", host.python),
        ("packages", ", ".join(f"{name} {version}" for name, version in host.packages.items())),
    ]
    return [(name, plain_text(value, MAX_SHOWN)) for name, value in facts]


PROVENANCE = ("entry", "runtime", "version", "image", "model", "sha256 of the model")


def provenance(given: PageInput) -> list[tuple[str, ...]]:
    """One row for each entry, as PROVENANCE says."""
    rows = []
    for entry in entries_of(given.study):
        subject = next(each for each in given.study.subjects if each.entry == entry)
        server, running = given.servers.get(entry), given.running.get(entry)
        version = server.version if server else _told(running)
        runtime = f"{subject.runtime} / {subject.variant}" if subject.variant else subject.runtime
        row = (
            entry, runtime, version or NO_DATA, NOT_OURS if running else _image(server),
            subject.model or NO_DATA, subject.model_sha256 or NO_DATA,
        )  # fmt: skip
        rows.append(tuple(plain_text(value, MAX_SHOWN) for value in row))
    return rows


def _told(running: FoundServer | None) -> str | None:
    """What a server that already ran says that it is."""
    words = (running.software, running.version) if running else ()
    return " ".join(word for word in words if word) or None


def _image(server: ServerFacts | None) -> str:
    if server is None:
        return NO_DATA
    return server.container.image_id if server.container else "process, no container"


NAMED_BY_IDENTITY = "A bundle is named by the first digits of its identity, as kit fetch names its file."


def naming(inputs: Sequence[PageInput]) -> str:
    """What the names in the commands are, where they may be those of no file; else nothing."""
    bundles = [given for given in inputs if given.kind == "bundle"]
    named = any((given.study.identity or "").startswith(given.source.removesuffix(".tar.gz")) for given in bundles)
    return NAMED_BY_IDENTITY if named else ""


def commands(inputs: Sequence[PageInput]) -> list[str]:
    """What a stranger types to check the page."""
    runs = [shlex.quote(plain_text(given.source, 200)) for given in inputs if given.kind != "imported"]
    sources = dict.fromkeys(given.source for given in inputs)
    everything = " ".join(shlex.quote(plain_text(source, 200)) for source in sources)
    runs = list(dict.fromkeys(runs))  # a run of several shapes stands on the page several times
    lines = [f"kit verify {run}" for run in runs] + [f"kit table {run}" for run in runs]
    return [*lines, f"kit report {everything}"]

"""kit plan: what would be done, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kit.cli._shared.evaluating import eval_option
from kit.cli._shared.options import json_option
from kit.cli._shared.planning import asked_nonce, chosen_platform, plan_of, plan_options
from kit.cli._shared.printing import show_json
from kit.documents import NO_WEIGHTS, Entry, ModelPin, Plan
from kit.documents.pins import WeightsPin
from kit.documents.quality.asked import EvaluationWish

if TYPE_CHECKING:
    from kit.documents.quality.asked import Evaluation
    from kit.plan.choosing.fit import Fit

MAX_SHOWN = 200  # of a title or a device, in characters


def plan_text(plan: Plan, fits: Sequence[Fit] = ()) -> str:
    """A plan for people: what is started, with which settings, in which order, and how long it takes.

    `fits` says of entries whether their models fit into memory.
    """
    from kit.plan.plan import duration_estimate_s
    from kit.plan.workloads.sessions import sessions_text
    from kit.plan.workloads.shapes import shape_text
    from kit.text import plain_text

    work = plan.workload
    kinds = [f"shapes      {'; '.join(map(shape_text, work.shapes))}"] if work.shapes else []
    kind = f"trace {work.trace.name}" if work.trace else f"{work.arrivals} arrivals"
    arriving = f"{kind}, " if work.loop == "open" else ""
    raw = "raw prompts, " if work.api == "completions" else ""
    lines = [
        f"{plan.platform}: {plain_text(plan.title, MAX_SHOWN)}",
        f"engine      {plan.engine}",
        "model       unknown: all servers already run"
        if plan.model == NO_WEIGHTS
        else f"model       {plan.model.name} ({plan.model.bytes:,} bytes, sha256 {plan.model.sha256[:16]}…"
        f"{'' if plan.model.confirmed else ', hash not confirmed'})",
        *([f"            {own_weights(plan.model)}"] if not plan.model.catalogue else []),
        f"workload    {work.name}: prompts {plan.prompts.name} ({plan.prompts.count}), output "
        f"{work.output_tokens.min}-{work.output_tokens.max} tokens, {work.loop} loop, "
        f"{arriving}{raw}seed {plan.seed}",
        *kinds,
        *([] if work.sessions is None else [f"sessions    {sessions_text(work.sessions)}"]),
        f"cells       {_cells_text(plan)}; each {work.warmup_ns / 1e9:g} s warm-up, "
        f"{work.window_ns / 1e9:g} s window",
        f"gate        correctness suite {plan.correctness.name}, level {plan.correctness_level}, "
        f"{plan.correctness.count} tests",
        *([] if plan.evaluation is None else [_evaluation_text(plan.evaluation)]),
        f"takes       about {max(1, round(duration_estimate_s(plan) / 60))} min"
        + (", and the evaluation" if plan.evaluation else ""),
        "",
    ]
    lines += map(_entry_text, plan.entries)
    for pin in plan.models:
        known = f"sha256 {pin.sha256[:16]}…" if pin.sha256 else "hash unknown"
        made = f", converted from {pin.made_from} by {pin.made_by}" if pin.made_from else ""
        made += "" if pin.catalogue else f", {own_weights(pin)}"
        lines.append(f"weights     {pin.name}: {known}{'' if pin.confirmed else ', hash not confirmed'}{made}")
    lines += [f"memory      {fit.entry}: {fit.words()}" for fit in fits]
    for outside in plan.runtimes:
        lines.append(f"runtime     {outside.name}: none of the kit's, folder sha256 {outside.sha256[:16]}…")
    if plan.challenge:
        lines.append(f"challenge   {plan.challenge}: the seed follows from it")
    if plan.hardware:
        mhz = plan.hardware.lock_clock_mhz
        clock = f", lock the clock at {mhz} MHz yourself" if mhz else ""
        lines.append(f"meant for   {plain_text(plan.hardware.device, MAX_SHOWN)}{clock}")
    lines.append("")
    lines += [f"{cell.order + 1:>4}  {cell.id}" for cell in plan.cells if plan.search is None]
    return "\n".join(lines).rstrip("\n")


def _evaluation_text(asked: Evaluation) -> str:
    levels = ",".join(map(str, asked.concurrencies))
    return f"evaluation  {asked.tasks} of {asked.of} tasks of {asked.suite}, concurrency {levels}, after the cells"


def _entry_text(entry: Entry) -> str:
    from kit.text import plain_text

    limit = f", up to {entry.max_concurrency} users" if entry.max_concurrency else ""
    if entry.url is not None:
        asked = f", model {plain_text(entry.served_model, MAX_SHOWN)}" if entry.served_model else ""
        return f"entry       {entry.name} = {plain_text(entry.url, MAX_SHOWN)}, already runs{limit}{asked}"
    settings = ", ".join(f"{name} {plain_text(str(value))}" for name, value in sorted(entry.settings.items()))
    image = f", image {plain_text(entry.image, MAX_SHOWN)}" if entry.image else ""
    own = f"{limit}{image}" + (f", model {entry.model}" if entry.model else "")
    own += f", flags {plain_text(' '.join(entry.flags), MAX_SHOWN)}" if entry.flags else ""
    own += f", GPUs {','.join(map(str, entry.gpus))}" if entry.gpus else ""
    return f"entry       {entry.name} = {entry.runtime}/{entry.variant}{own}: {settings}"


def _cells_text(plan: Plan) -> str:
    from kit.metrics.goodput import slo_text
    from kit.plan.workloads.levels import most_cells

    work, rule, entries = plan.workload, plan.search, f"{len(plan.entries)} entries"
    shapes = f"{len(work.shapes)} shapes x " if work.shapes else ""
    if rule is None:
        levels = f"concurrency {','.join(map(str, work.concurrencies))} x "
        if work.shapes and work.loop == "open":
            levels = ""
        return f"{len(plan.cells)}: {entries} x {shapes}{levels}{work.replicates} replicates"
    return (
        f"at most {most_cells(plan)}: {entries}, each searched from {rule.first} to {rule.most:,} users for the "
        f"most within {slo_text(rule.slo)} ({rule.share_milli / 10:g} % of requests) "
        f"x {work.replicates} replicates"
    )


def own_weights(pin: ModelPin | WeightsPin) -> str:
    """What a plan says of weights that no catalogue has: where they are from, and how a chat is put to them."""
    from kit.text import plain_text

    chat = f"chat template {pin.chat_template}" if pin.chat_template else "the model's own chat template"
    return f"not of the catalogue, from {plain_text(pin.origin or '?', MAX_SHOWN)}, {chat}"


@click.command("plan")
@plan_options
@eval_option
@json_option
def command(platform: str | None, evaluation: EvaluationWish | None, as_json: bool, **options: Any) -> None:
    """Show what `kit reproduce PLATFORM` would do, without starting or downloading anything.

    Of a model that is not of the catalogue, the header is read where it lies, and the plan says whether it fits
    into the memory of this machine. --json prints plan.json, byte for byte.

    Example: kit plan demo --concurrency 1,4 --window 30
    """
    from kit.evaluation.suites import with_evaluation
    from kit.machine.here import describe_host
    from kit.plan.challenge import challenged
    from kit.plan.choosing.fit import fits
    from kit.strict import plain, write_json
    from kit.supply.own_models import resolved

    if platform is None:
        raise click.UsageError("Missing argument 'PLATFORM': the name of a platform or a .yaml file.")
    nonce = asked_nonce(options["challenge"], options["seed"])
    known = resolved(chosen_platform(platform, **options))
    plan = plan_of(known.platform, options["seed"], models=known.models)
    plan = challenged(with_evaluation(plan, evaluation or known.platform.evaluation), nonce)
    if as_json:
        show_json(write_json(plain(plan)))
        return
    found = fits(plan, describe_host(), known.facts) if known.facts else ()
    click.echo(plan_text(plan, [each for each in found if each.model in known.facts]))

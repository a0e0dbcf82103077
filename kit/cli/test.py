"""kit test: does this server answer correctly?"""

from __future__ import annotations

import json
from typing import Any

import click

from kit.cli._shared.options import json_option, quiet_option
from kit.cli._shared.server import given_access, given_url, server_options


@click.command("test")
@server_options
@click.option(
    "--level", default="standard", show_default=True, help="Test level: standard, or tiny for small models."
)
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Also send N prompts at once.",
)
@quiet_option
@json_option
def command(model: str | None, level: str, concurrency: int, quiet: bool, as_json: bool, **words: Any) -> int:
    """Send the correctness prompts to a server, one by one and then at --concurrency, and check the answers.

    Exit code 0 if every answer is right, 1 otherwise. KIT_API_KEY is sent as a bearer token.

    Example: kit test http://127.0.0.1:8080 --level tiny -c 4
    """
    from kit.plan.correctness import load_suite
    from kit.plan.target import parse_target
    from kit.probe.http import Examiner
    from kit.run.model_choice import chosen_model
    from kit.strict import plain
    from kit.text import plain_text

    target, access = parse_target(given_url(words)), given_access(words)
    suite = load_suite("correctness", level)
    name = model or chosen_model(target, access)
    key = dict(access.headers).get("Authorization", "").removeprefix("Bearer ")
    examiner = Examiner(target.base_url, name, suite, key)
    checks = examiner.single()
    if concurrency > 1:
        checks += examiner.concurrent(concurrency)
    wrong = sum(not check.passed for check in checks)
    if as_json:
        document = {"model": name, "level": level, "right": len(checks) - wrong, "wrong": wrong}
        click.echo(json.dumps({**document, "checks": [plain(check) for check in checks]}, indent=1))
        return int(bool(wrong))
    for check in checks:
        if not quiet or not check.passed:
            reason = "" if check.passed else f"  {plain_text(check.reason, 120)}"
            click.echo(f"{'right' if check.passed else 'WRONG'}  {check.round:<10}  {check.test}{reason}")
    click.echo(f"{len(checks) - wrong} of {len(checks)} answers right (model {plain_text(name)}).")
    return int(bool(wrong))

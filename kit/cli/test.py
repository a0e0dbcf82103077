"""kit test: does this server answer correctly?"""

from __future__ import annotations

import json
import os

import click

from kit.cli._shared.options import json_option, quiet_option
from kit.cli._shared.printing import show_json


@click.command("test")
@click.option("--url", required=True, help="Base URL of an OpenAI-compatible server.")
@click.option("--model", help="Model name; default the first that the server lists.")
@click.option(
    "--level", default="standard", show_default=True, help="Test level: standard, or tiny for small models."
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Also send N prompts at once.",
)
@quiet_option
@json_option
def command(url: str, model: str | None, level: str, concurrency: int, quiet: bool, as_json: bool) -> int:
    """Send the correctness prompts to a server, one by one and then at --concurrency, and check the answers.

    Exit code 0 if every answer is right, 1 otherwise. KIT_API_KEY is sent as a bearer token.

    Example: kit test --url http://127.0.0.1:8080 --level tiny --concurrency 4
    """
    from kit.plan.correctness import load_suite
    from kit.plan.target import API_KEY_VARIABLE, parse_target
    from kit.probe.http import Examiner, served_model
    from kit.strict import plain
    from kit.text import plain_text

    base = parse_target(url).base_url
    name = model or served_model(base) or "default"
    examiner = Examiner(base, name, load_suite("correctness", level), os.environ.get(API_KEY_VARIABLE, ""))
    checks = examiner.single()
    if concurrency > 1:
        checks += examiner.concurrent(concurrency)
    wrong = sum(not check.passed for check in checks)
    if as_json:
        document = {"model": name, "level": level, "right": len(checks) - wrong, "wrong": wrong}
        show_json(json.dumps({**document, "checks": [plain(check) for check in checks]}, indent=1))
        return int(bool(wrong))
    for check in checks:
        if not quiet or not check.passed:
            reason = "" if check.passed else f"  {plain_text(check.reason, 120)}"
            click.echo(f"{'right' if check.passed else 'WRONG'}  {check.round:<10}  {check.test}{reason}")
    click.echo(f"{len(checks) - wrong} of {len(checks)} answers right (model {plain_text(name)}).")
    return int(bool(wrong))

"""kit doctor: can this machine carry a platform out?"""

from __future__ import annotations

import click

from kit.cli._shared.options import json_option, runtime_path_option
from kit.cli._shared.printing import show_document
from kit.cli._shared.words import completing

MARKS = {"ok": "ok  ", "note": "note", "fail": "FAIL"}


@click.command("doctor")
@click.argument("platform", required=False, shell_complete=completing.platforms)
@runtime_path_option
@json_option
def command(platform: str | None, as_json: bool) -> int:
    """Check this machine and its container engine for what PLATFORM needs, and say how to fix what is missing.

    Nothing is built, downloaded or changed. Exit code 1 when something is blocking.

    Example: kit doctor yoga
    """
    from kit.plan.platforms import load_platform
    from kit.run.doctor import examine
    from kit.strict import plain
    from kit.text import plain_text

    found = []
    for each in examine(load_platform(platform) if platform else None):
        found.append(each)
        if not as_json:
            click.echo(f"{MARKS[each.state]}  {plain_text(each.what, 60)}: {plain_text(each.words, 400)}")
            if each.state != "ok" and each.remedy:
                click.echo(f"      {plain_text(each.remedy, 400)}")
    if as_json:
        show_document("doctor", {"checks": [plain(each) for each in found]})
    return int(any(each.state == "fail" for each in found))

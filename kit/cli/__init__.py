"""The top: words to functions, errors to exit codes. Commands are loaded when they are asked for."""

from __future__ import annotations

import errno
import io
import sys

import click

from kit import __version__, debuglog
from kit.cli._shared.words.grouping import LazyGroup
from kit.errors import InternalError, KitError, StorageError
from kit.output import checked_output
from kit.text import plain_text, without_password

COMMANDS = {
    "run": ("kit.cli.own.run", "Measure your model or your servers without writing a platform file."),
    "init": ("kit.cli.own.init", "Write the platform file that `run` would measure, to edit."),
    "reproduce": ("kit.cli.reproduce", "Measure a platform: every runtime, one at a time, and print the tables."),
    "eval": ("kit.cli.evaluating.evaluate", "Ask servers tasks with tests, and count what they solve."),
    "answer": ("kit.cli.evaluating.answer", "Show one answer of an evaluation: words, program and verdict."),
    "status": ("kit.cli.status", "Show how far a run has come, the time left, and how to resume it."),
    "runs": ("kit.cli.showing.runs", "List the runs and bundles in a folder: platform, machine, state, size."),
    "plan": ("kit.cli.plan", "Show what `reproduce` would do, without starting anything."),
    "table": ("kit.cli.table", "Recompute every table from the records of a run or bundle."),
    "bundle": ("kit.cli.bundle", "Pack a run into one file that others can verify."),
    "sign": ("kit.cli.publishing.sign", "Sign a bundle with an SSH key: who stands behind it."),
    "verify": ("kit.cli.verify", "Recompute everything in a run or bundle and check it."),
    "publish": ("kit.cli.publishing.publish", "Publish a bundle: results folder, git branch or OCI registry."),
    "fetch": ("kit.cli.publishing.fetch", "Fetch published bundles, byte for byte, and verify them."),
    "results": ("kit.cli.publishing.results", "Keep a folder of verified bundles: add new ones, list them."),
    "report": ("kit.cli.report", "Write a web page with verdict, tables and plots of runs."),
    "badge": ("kit.cli.showing.badge", "Make a badge (SVG) of a run: its best figure and its label."),
    "site": ("kit.cli.publishing.site", "Write a static board of a results folder, with a page for each bundle."),
    "recommend": ("kit.cli.recommend", "Recommend a runtime for a number of users, with the confidence."),
    "score": ("kit.cli.score", "Grade runs by a contract: thresholds, weights and grades as data."),
    "gate": ("kit.cli.gate", "Fail if a grade is below the minimum."),
    "nightly": ("kit.cli.nightly", "Measure platforms again and compare with their last accepted runs."),
    "compare": ("kit.cli.compare", "Compare two runs, or a run with published figures."),
    "claims": ("kit.cli.claims", "Check claims in documents against your runs."),
    "import": ("kit.cli.importing", "Import results of other tools."),
    "export": ("kit.cli.exporting", "Export a run in the format of another tool."),
    "load": ("kit.cli.load", "Measure any OpenAI-compatible server under one load."),
    "merge": ("kit.cli.clients.merge", "Join the shares of one load that several clients carried out."),
    "sweep": ("kit.cli.sweep", "Increase the load on a server until throughput stops growing."),
    "test": ("kit.cli.test", "Check a server's answers to the correctness prompts."),
    "reference": ("kit.cli.reference", "Serve answers with known timing, to test any load generator."),
    "calibrate": ("kit.cli.calibrate", "Measure how accurate the load generator is, and up to what load."),
    "images": ("kit.cli.images", "Build, list and pin the container images of the runtimes."),
    "runtimes": ("kit.cli.runtimes.commands", "List runtimes, show their settings, check one of your own."),
    "models": ("kit.cli.models", "Download, verify (sha256) and convert models."),
    "doctor": ("kit.cli.doctor", "Check what this machine lacks for a platform, and how to fix it."),
    "selftest": ("kit.cli.selftest", "Test a platform on this machine in a few minutes; write one small file."),
    "up": ("kit.cli.containers.up", "Start one server of a platform in its container and leave it running."),
    "down": ("kit.cli.containers.down", "Stop and remove the servers that `up` started."),
    "clean": ("kit.cli.containers.clean", "Remove what killed runs left on the container engine."),
    "completion": ("kit.cli.completion", "Print the tab completion script for a shell."),
}
INTERRUPTED = 130
REFUSED_BY_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}

EXIT_CODES = """\b
Exit codes: 0 success; 1 negative result (bundle rejected, test failed); 2 wrong usage or invalid input;
3 internal error; 4 model or bundle not downloadable, or wrong hash; 5 engine failed;
6 server did not become ready; 7 wrong answers; 8 nothing could be measured; 9 port in use;
10 cannot write to disk; 11 server not running on its device; 12 nobody answers at the URL;
13 destination refused what was published; 130 interrupted.
KIT_DEBUG=1 prints each call to a server, an engine or a program, and tracebacks.
"""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="kit")
def cli() -> None:
    """Which inference engine should I use on my own hardware, and at how many users?

    The kit measures each engine, keeps every raw record, and lets anyone recompute every number.

    Example: kit reproduce demo
    """


def show_error(error: KitError) -> None:
    """One line what failed, the evidence if there is some, one line what to do."""
    click.echo(f"Error: {plain_text(without_password(error.what), 1000)}", err=True)
    for line in error.detail:
        click.echo(f"  {plain_text(without_password(line), 300)}", err=True)
    if error.remedy:
        click.echo(f"Try: {plain_text(without_password(error.remedy), 1000)}", err=True)


def _unexpected(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="kit-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    if debuglog.start():
        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(debuglog.harmless(line), err=True)
    click.echo(f"Error: internal error in the kit: {type(error).__name__}. Details: {file.name}", err=True)
    click.echo("Try: report it and attach that file; check it for private paths first.", err=True)
    return InternalError.exit_code


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; returns its exit code."""
    with checked_output():
        return _run(arguments)


def _run(arguments: list[str] | None) -> int:
    debuglog.start()
    try:
        result = cli.main(arguments, prog_name="kit", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except KitError as error:
        show_error(error)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        words = io.StringIO()
        error.show(words)
        click.echo(without_password(words.getvalue()), nl=False, err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        # A Ctrl-C inside exec (dataclasses use it while they are imported) stays noted in CPython after it was
        # handled, and `python -m kit` would end by SIGINT instead of with our code; the next exec clears the note.
        exec("")
        return INTERRUPTED
    except OSError as error:
        if error.errno not in REFUSED_BY_DISK:
            return _unexpected(error)
        place = f" ({error.filename})" if error.filename else ""
        failure = StorageError(
            f"Cannot write: {error.strerror}{place}.", "Free some space, or choose another folder."
        )
        show_error(failure)
        return failure.exit_code
    except Exception as error:
        return _unexpected(error)


def main() -> None:
    sys.exit(run())

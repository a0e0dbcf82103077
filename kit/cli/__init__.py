"""The roof: words to functions, errors to exit codes. Commands are loaded when they are asked for."""

from __future__ import annotations

import errno
import sys
from importlib import import_module

import click

from kit import __version__, debuglog
from kit.errors import InternalError, KitError, StorageError

COMMANDS = {
    "reproduce": ("kit.cli.reproduce", "Measure a platform: every runtime, one at a time, and show the tables."),
    "plan": ("kit.cli.plan", "Show what `reproduce` would do, without starting anything."),
    "table": ("kit.cli.table", "Make every table again from the records of a run or bundle."),
    "bundle": ("kit.cli.bundle", "Pack a run into one file that strangers can verify."),
    "verify": ("kit.cli.verify", "Recompute everything in a run or bundle and say whether it holds."),
    "report": ("kit.cli.report", "Write one page with verdict, tables and plots of runs, for people."),
    "recommend": ("kit.cli.recommend", "Say which runtime to choose for so many users, and how sure that is."),
    "score": ("kit.cli.score", "Grade runs by a contract: thresholds, weights and grades as data."),
    "gate": ("kit.cli.gate", "Fail where a grade is below the one you ask for."),
    "compare": ("kit.cli.compare", "Hold two runs, or a run and published figures, against each other."),
    "claims": ("kit.cli.claims", "Check claims in documents against the runs at hand."),
    "import": ("kit.cli.importing", "Read results of other tools, to be judged beside ours."),
    "export": ("kit.cli.exporting", "Write a run in the format of another tool."),
    "load": ("kit.cli.load", "Drive any OpenAI-compatible server by hand and measure it."),
    "sweep": ("kit.cli.sweep", "Load a server with more and more users, and find where that stops paying."),
    "test": ("kit.cli.test", "Ask a server the correctness prompts and judge its answers."),
    "reference": ("kit.cli.reference", "Serve answers on a known schedule, to test any load generator."),
    "calibrate": ("kit.cli.calibrate", "Measure the load generator itself, and find how far it is right."),
    "images": ("kit.cli.images", "Build, list and pin the images of the runtimes."),
    "models": ("kit.cli.models", "List and fetch model files, checked by their hash."),
    "doctor": ("kit.cli.doctor", "Look at this machine and its engine: what is missing, and what to do."),
    "up": ("kit.cli.up", "Start one server of a platform in its container and leave it running."),
    "down": ("kit.cli.down", "Remove the servers that `up` started."),
    "clean": ("kit.cli.clean", "Remove whatever killed runs have left on the engine."),
    "completion": ("kit.cli.completion", "Print the tab completion script of a shell."),
}
INTERRUPTED = 130
REFUSED_BY_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}

EXIT_CODES = """\b
Exit codes: 0 success; 1 a negative answer (verify refused, a test failed); 2 wrong use or bad input;
3 the kit itself failed; 4 a model could not be fetched or has a wrong hash; 5 the engine failed;
6 a server never became ready; 7 wrong answers; 8 nothing could be measured; 9 a port is in use;
10 the disk refused; 11 a server is not on its device; 130 interrupted.
KIT_DEBUG=1 shows each call to a server, an engine or a program, and a crash's traceback.
"""


class LazyGroup(click.Group):
    """Imports a command's module only when that command runs, so that `kit --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kit.text import hint

            asked = hint(args[0], COMMANDS)
            if not asked:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}. {asked}", ctx) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="kit")
def cli() -> None:
    """Which inference engine should I use on my own hardware, and at how many users?

    The kit measures each engine, keeps every raw record, and lets a stranger recompute every number.

    Example: kit reproduce demo
    """


def show_error(error: KitError) -> None:
    """One line what failed, the evidence if there is some, one line what to do."""
    from kit.text import plain_text

    click.echo(f"Error: {plain_text(error.what, 1000)}", err=True)
    for line in error.detail:
        click.echo(f"  {plain_text(line, 300)}", err=True)
    if error.remedy:
        click.echo(f"Try: {plain_text(error.remedy, 1000)}", err=True)


def _unexpected(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="kit-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    if debuglog.start():
        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(debuglog.harmless(line), err=True)
    click.echo(f"Error: the kit itself failed: {type(error).__name__}. Details are in {file.name}.", err=True)
    click.echo("Try: report this with that file; it may hold paths of this machine.", err=True)
    return InternalError.exit_code


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; returns its exit code."""
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
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        # A Ctrl-C inside exec (dataclasses use it while they are imported) stays noted in CPython after it was
        # handled, and `python -m kit` would end by SIGINT instead of with our code; the next exec clears the note.
        exec("")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in REFUSED_BY_DISK:
            return _unexpected(error)
        place = f" ({error.filename})" if error.filename else ""
        failure = StorageError(
            f"The disk refused: {error.strerror}{place}.", "Make room, or choose another folder."
        )
        show_error(failure)
        return failure.exit_code
    except Exception as error:
        return _unexpected(error)


def main() -> None:
    sys.exit(run())

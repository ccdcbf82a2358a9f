"""The `curate` command."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import click
from click.shell_completion import CompletionItem

import curation
from curation.cli import events
from curation.errors import CurationError, of_os_error

_COMMANDS = {
    "quickstart": ("curation.cli.run", "The whole path on real text, offline, in minutes."),
    "init": ("curation.cli.init", "A commented config to begin with."),
    "plan": ("curation.cli.plan", "What a run would do; runs nothing."),
    "run": ("curation.cli.run", "From sources to a gated release."),
    "status": ("curation.cli.inspect", "How far a run is."),
    "explain": ("curation.cli.inspect", "The full path of one record."),
    "report": ("curation.cli.inspect", "Write report.html and report.json of a run or a release."),
    "verify": ("curation.cli.inspect", "Re-check every digest of a release."),
    "export": ("curation.cli.export", "Write a release in the layout of another trainer."),
    "diff": ("curation.cli.diff", "What changed from one release to another."),
    "rebuild": ("curation.cli.rebuild", "Make rows without texts again from their sources."),
    "langs": ("curation.cli.inspect", "The language table, or one language."),
    "calibrate": ("curation.cli.calibrate", "Fit the thresholds and bounds of one language."),
    "train": ("curation.cli.train", "Train and evaluate a model on a release."),
    "gate": ("curation.cli.gate", "Check a release and write its verdict."),
    "trigger": ("curation.cli.trigger", "Run the gate elsewhere and fetch the verdict."),
    "publish": ("curation.cli.publish", "Publish a release on the Hugging Face Hub, or yank a version."),
    "eval-sets": ("curation.cli.evaluation", "What mteb evaluates on, for decontamination."),
    "doctor": ("curation.cli.doctor", "What this machine has for a run."),
    "completion": ("curation.cli.completion", "Completion of verbs and options for a shell."),
    "config": ("curation.cli.config", "About the config file."),
}


_LOGS = ("text", "json")


class _Lazy(click.Group):
    """Imports a command when it is run, so that `curate --help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        import importlib

        module = importlib.import_module(_COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a verb, or an option of the program, without importing any verb."""
        verbs = [
            CompletionItem(name, help=text) for name, (_, text) in _COMMANDS.items() if name.startswith(incomplete)
        ]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(curation.__version__, prog_name="curate")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--log", type=click.Choice(_LOGS), help="What goes to stderr: words, or events as JSON lines.")
def cli(debug: bool, log: str | None) -> None:
    """Multilingual data curation for contrastive embedding models.

    Results go to stdout, everything else to stderr.
    """


def main() -> None:
    """Run the command line and exit: 0 ok, 1 error, 2 usage or config, 3 gate failed, 4 remote conflict, 5 auth."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    # Both are taken wherever they stand: they are mostly added to a command that is there already.
    debug = "--debug" in arguments
    arguments = _take_log([argument for argument in arguments if argument != "--debug"])
    try:
        code: Any = cli.main(arguments, standalone_mode=False)
    except click.exceptions.Abort:
        return _complain("Interrupted. Run the same command again: finished stages are found and used.", 130)
    except click.ClickException as error:
        return _usage(error)
    except (CurationError, OSError) as error:
        known = of_os_error(error) if isinstance(error, OSError) else error
        return _complain(_traceback(error) if debug else f"Error: {known}", known.exit_code, known)
    except Exception as error:
        if debug:
            return _complain(_traceback(error), 1)
        # Any verb may be the first that needs a user's language files; imported here, for help needs none.
        from language_configs import LanguageFileError

        if isinstance(error, LanguageFileError):
            hint = "correct the files that CURATION_LANGUAGES names; docs/languages.md says what they hold"
            return _complain(f"Error: {error}\n  next: {hint}", 2)
        text = f"Error: an unexpected {type(error).__name__}: {error}"
        return _complain(f"{text}\n  next: run again with `curate --debug ...` and report the traceback", 1)
    return code if isinstance(code, int) else 0


def _traceback(error: Exception) -> str:
    """Return the traceback of an error: those of other libraries in it may quote what was sent, a token too."""
    from hub_upload.secrets import without_tokens

    return without_tokens("".join(traceback.format_exception(error)).rstrip())


def _take_log(arguments: list[str]) -> list[str]:
    """Choose what goes to stderr, and return the other arguments; a wrong choice is left, in front, to be refused."""
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    place = next((n for n, argument in enumerate(ours) if argument == "--log" or argument.startswith("--log=")), None)
    if place is None:
        events.choose(None)
        return arguments
    width = 1 if "=" in ours[place] else 2
    log = "".join(ours[place : place + width]).removeprefix("--log").removeprefix("=")
    events.choose(log)
    rest = [*arguments[:place], *arguments[place + width :]]
    return rest if log in _LOGS else ["--log", log, *rest]


def _usage(error: click.ClickException) -> int:
    if events.wanted():
        events.emit("error", what=error.format_message(), where="", why="", next="curate --help", exit_code=2)
    else:
        error.show()
    return 2


def _complain(text: str, code: int, error: CurationError | None = None) -> int:
    if not events.wanted():
        click.echo(text, err=True)
    elif error is None:
        events.emit("error", what=text, where="", why="", next="", exit_code=code)
    else:
        events.emit("error", what=error.what, where=error.where, why=error.why, next=error.hint, exit_code=code)
    return code

"""What every command has in common: options, the home, the reporter, and errors that become exit codes."""

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ldpbench.cli.reporter import Reporter
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, EXIT_INTERRUPTED, LdpbenchError
from ldpbench.core.home import Home, default_home, using_home

TRACEBACK_VERBOSITY = 2


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    home: Home
    reporter: Reporter


@dataclass(frozen=True)
class Answer:
    """What a command found: its data for ``--json``, and how it ended."""

    data: Any
    exit_code: int = EXIT_DONE


_COMMON = {
    "json_": Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")],
    "home": Annotated[
        Path | None,
        typer.Option("--home", help="Folder for datasets, runs, results and pages.", envvar="LDPBENCH_HOME"),
    ],
    "verbose": Annotated[int, typer.Option("--verbose", "-v", count=True, help="-vv shows the traceback of an error.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks.")],
}
_DEFAULTS: dict[str, Any] = {"json_": False, "home": None, "verbose": 0, "quiet": False}


def command(app: typer.Typer, name: str, *, schema: str, example: str) -> Callable[[Callable[..., Answer]], None]:
    """Register a function as a command with the common options.

    Args:
        app: The group it belongs to.
        name: What users type.
        schema: Name of its JSON document.
        example: One command line, shown at the end of ``--help``.

    The function takes a ``Session`` first, then its own options, and returns an ``Answer``.
    """

    def register(function: Callable[..., Answer]) -> None:
        own = list(inspect.signature(function).parameters.values())[1:]
        common = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[key], annotation=annotation)
            for key, annotation in _COMMON.items()
        ]

        @functools.wraps(function)
        def run(**options: Any) -> None:
            given = {key: options.pop(key) for key in _COMMON}
            reporter = Reporter(command=schema, as_json=given["json_"], quiet=given["quiet"])
            home = Home(given["home"].expanduser().absolute()) if given["home"] else default_home()
            with using_home(home):
                code = _guarded(function, Session(home, reporter), options, given["verbose"])
            raise typer.Exit(code)

        run.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *common]}
        del run.__wrapped__  # or typer would follow it to the function without options
        app.command(name, epilog=f"Example: {example}")(run)

    return register


def _guarded(function: Callable[..., Answer], session: Session, options: dict[str, Any], verbose: int) -> int:
    """Run a command; any error becomes one line and an exit code, unless the user asked for the traceback."""
    try:
        answer = function(session, **options)
    except LdpbenchError as error:
        if verbose >= TRACEBACK_VERBOSITY:
            raise
        session.reporter.fail(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: run the same command again to continue\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away (`| head`): nobody is left to talk to
        return EXIT_DONE
    except Exception as error:
        if verbose >= TRACEBACK_VERBOSITY:
            raise
        detail = " ".join(str(error).split())
        session.reporter.fail(
            LdpbenchError(
                f"a bug in ldpbench: {type(error).__name__}: {detail}", hint="report it with the output of -vv"
            )
        )
        return EXIT_FAILURES
    session.reporter.finish(answer.data, ok=answer.exit_code == EXIT_DONE)
    return answer.exit_code

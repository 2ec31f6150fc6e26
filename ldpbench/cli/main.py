"""The entry point: the command tree, and usage errors in one line."""

import sys
from typing import Annotated, Any

import typer

from ldpbench import __version__
from ldpbench.cli import (
    blurmap,
    check,
    cost,
    data,
    demo,
    doctor,
    evaluation,
    export,
    ingest,
    methods,
    metrics,
    pages,
    results,
    simulation,
    submission,
    training,
    weights,
)
from ldpbench.cli.reporter import Reporter
from ldpbench.core.errors import EXIT_INTERRUPTED, UsageError

# typer has its own copy of click since 0.26 and names only the leaves; the base of all usage errors is their ancestor.
_ClickError: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    name="ldpbench",
    help="Dual-pixel defocus deblurring: verified data, methods under one engine, numbers you can trust.",
    epilog="Start with: ldpbench demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ldpbench {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""
    del version


for module in (
    demo,
    data,
    evaluation,
    ingest,
    results,
    pages,
    methods,
    check,
    cost,
    metrics,
    simulation,
    submission,
    blurmap,
    training,
    export,
    weights,
    doctor,
):
    module.register(app)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        code = app(standalone_mode=False)
    except _ClickError as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "ldpbench")
        usage = UsageError(" ".join(error.format_message().split()), hint=f"see `{command} --help`")
        Reporter(command="usage", as_json="--json" in sys.argv, quiet=False).fail(usage)
        sys.exit(usage.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(code or 0)

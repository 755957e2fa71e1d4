"""Asking before something is deleted."""

import sys
from collections.abc import Callable

import typer

from gcptasks.base.errors import SetupError
from gcptasks.cli.output import note


def ask(question: Callable[[], str], *, yes: bool) -> None:
    """Go on only if the user says so, or has said so by `--yes`. Raises `SetupError` if there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise SetupError("this asks before it deletes, and there is no terminal to ask at: give --yes to go on")
    asked = question()
    try:
        agreed = typer.confirm(asked, err=True)
    except typer.Abort:
        typer.echo(err=True)  # the shell's prompt begins a line of its own
        raise
    if not agreed:
        note("nothing was changed")
        raise typer.Exit(1)

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
    if not typer.confirm(question(), err=True):
        note("nothing was changed")
        raise typer.Exit(1)

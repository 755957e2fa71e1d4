"""A word with commands below it, such as `queues`."""

import typer

from gcptasks.cli.output import HELP


def group(summary: str) -> typer.Typer:
    """A group of commands, which shows its help if none of them is named."""
    app = typer.Typer(**HELP)
    app.callback(invoke_without_command=True, help=summary)(_show_help)
    return app


def _show_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())

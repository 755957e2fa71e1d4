"""Resources in columns: a table for each parent on a terminal, plain lines with full names in a pipe."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from gcptasks.base.log_text import log_text
from gcptasks.cli.output import on_terminal, say, say_table, write
from gcptasks.cli.resources.times import shown_time

Cell = str | int | datetime | None

_STYLES = {"RUNNING": "green", "ENABLED": "green", "PAUSED": "yellow", "DISABLED": "red"}


class Row(NamedTuple):
    name: str
    """The full name of the resource."""
    cells: Sequence[Cell]


def say_rows(headings: Sequence[str], rows: Sequence[Row], where: object) -> None:
    """Say what there is; the first heading is that of the names. `where` is the service that has it."""
    if not rows:
        return
    if not on_terminal():
        _say_lines(headings, rows)
        return
    for number, (parent, group) in enumerate(groupby(rows, _parent)):
        if number:
            say("")
        say((log_text(parent), "bold"), f" on {where}")
        say_table(_table(headings, group))


def status_name(code: int) -> str:
    """What a gRPC code is called."""
    from google.rpc.code_pb2 import Code

    return str(Code.Name(code))


def _parent(row: Row) -> str:
    return row.name.rsplit("/", 2)[0]


def _table(headings: Sequence[str], rows: Iterable[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        texts = map(_text, (row.name.rpartition("/")[2], *row.cells))
        table.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in texts))
    return table


def _say_lines(headings: Sequence[str], rows: Sequence[Row]) -> None:
    lines = [headings, *([*map(_text, (row.name, *row.cells))] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ((text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
    write("\n".join("  ".join(line).rstrip() for line in padded))


def _text(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return shown_time(cell)
    return "-" if cell is None else log_text(cell)

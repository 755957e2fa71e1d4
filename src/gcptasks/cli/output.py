"""What commands write: logs, and errors in one line."""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum

from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

from gcptasks.base.errors import TaskError

console = Console(highlight=False)


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def log_to_terminal(level: LogLevel) -> None:
    """Write the service's log to the terminal, in colours if it is one."""
    handler: logging.Handler = RichHandler(console=console, show_path=False, log_time_format="[%X]")
    if not console.is_terminal:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    log = logging.getLogger("gcptasks")
    log.addHandler(handler)
    log.setLevel(level.upper())


@contextmanager
def failing_in_one_line() -> Generator[None]:
    """End the program with one line and exit code 2 for what its user can mend."""
    try:
        yield
    except (TaskError, ValueError) as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text(f"error: {error}", style="red"))
        raise SystemExit(2) from None

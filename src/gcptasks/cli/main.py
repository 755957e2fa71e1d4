"""The commands' entry points: they say what is missing before anything that may be missing is imported."""

import sys

from gcptasks.base.extras import is_installed

_MISSING = "error: {program} needs more than the base install: pip install 'fastapi-gcp-tasks[local]'"


def main() -> None:
    """`fastapi-gcp-tasks`."""
    _run("fastapi-gcp-tasks")


def emulator() -> None:
    """`cloud-tasks-emulator`, the same as `fastapi-gcp-tasks emulator`."""
    _run("cloud-tasks-emulator")


def _run(program: str) -> None:
    if not is_installed("local"):
        print(_MISSING.format(program=program), file=sys.stderr)
        sys.exit(2)
    try:
        from gcptasks.cli import commands

        sys.exit(commands.run(program))
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(130)

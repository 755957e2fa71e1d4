"""The commands' entry points: they say what is missing before anything that may be missing is imported."""

import sys

_MISSING = "{command} needs more than the base install: pip install 'fastapi-gcp-tasks[local]'"


def main() -> None:
    """`fastapi-gcp-tasks`."""
    _run("fastapi-gcp-tasks", None)


def emulator() -> None:
    """`cloud-tasks-emulator`, the same as `fastapi-gcp-tasks emulator`."""
    _run("cloud-tasks-emulator", "emulator")


def _run(program: str, command: str | None) -> None:
    try:
        from gcptasks.cli import commands
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("gcptasks", "fastapi_gcp_tasks")):
            raise
        print(_MISSING.format(command=program), file=sys.stderr)
        sys.exit(2)
    commands.run(program, command)

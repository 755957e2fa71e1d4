"""`scripts/clients [LANGUAGE …] [--json]`."""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from interop.clients.checks import CHECKS
from interop.clients.languages import LANGUAGES, BuildFailed, Language, Missing
from interop.clients.receiver import receiving
from interop.service import Service, serving

_RUNNING = 300
"""Seconds that one client has."""
_PASSED, _ABSENT = "", None
_WIDE = 140
"""Characters that the table may have in a line, also where nobody says how many there is room for."""

Outcomes = Mapping[str, str | None]
"""Of each check, its problem: an empty text if it passed, None if the library does not have what it is about."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the clients; 1 if a check fails or a client cannot be built. A language that is not here is left out."""
    options = _options(arguments)
    said = Console(stderr=True, highlight=False)
    columns: dict[str, Outcomes] = {}
    is_built = True
    with serving() as service, receiving() as receiver:
        for language in options.languages or LANGUAGES.values():
            try:
                command = language.build()
            except Missing as missing:
                said.print(f"{language.name} is left out: {missing}", style="yellow", soft_wrap=True)
                continue
            except BuildFailed as problem:
                said.print(f"{language.name}: {problem}", style="red", markup=False, soft_wrap=True)
                is_built = False
                continue
            for transport in language.transports:
                said.print(f"{language.name} {transport} …", style="dim")
                project = f"{language.name}-{transport}"
                columns[f"{language.name} {transport}"] = _checked(command, transport, project, service, receiver)
        trouble = service.trouble()
    if options.json:
        print(json.dumps({"clients": columns, "trouble": trouble}, indent=2))
    elif columns:
        _show(columns, trouble)
    failed = any(problem for outcomes in columns.values() for problem in outcomes.values())
    return int(failed or bool(trouble) or not is_built)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/clients", description="Google's own clients against the local service, one scenario for all."
    )
    names = ", ".join(LANGUAGES)
    parser.add_argument("languages", nargs="*", type=_language, metavar="LANGUAGE", help=f"{names}; default: all")
    parser.add_argument("--json", action="store_true", help="print the outcome of every check as JSON")
    return parser.parse_args(arguments)


def _language(name: str) -> Language:
    try:
        return LANGUAGES[name.lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"no client in {name}; there are {', '.join(LANGUAGES)}") from None


def _checked(command: Sequence[str], transport: str, project: str, service: Service, receiver: str) -> Outcomes:
    """What the client says of each check; what it does not speak of is a problem."""
    try:
        ran = subprocess.run(
            [*command, transport, service.address, project, receiver],
            capture_output=True, text=True, timeout=_RUNNING, check=False,
        )  # fmt: skip
        printed, errors = ran.stdout, ran.stderr
    except subprocess.TimeoutExpired as late:
        printed, errors = str(late.stdout or b"", "utf-8", "replace"), f"it took more than {_RUNNING} seconds"
    told = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    outcomes: dict[str, Any] = {
        one["check"]: _ABSENT if "absent" in one else one["problem"] for one in told if one["check"] in CHECKS
    }
    silent = f"it said nothing of this. {errors[-2000:]}".strip()
    return {check: outcomes.get(check, silent) for check in CHECKS}


def _show(columns: Mapping[str, Outcomes], trouble: str) -> None:
    console = Console(highlight=False, soft_wrap=True, width=_WIDE)
    table = Table("check", *columns)
    for check in CHECKS:
        table.add_row(check, *(_cell(outcomes[check]) for outcomes in columns.values()))
    table.add_section()
    table.add_row("passed", *(_passed(outcomes) for outcomes in columns.values()))
    console.print(table)
    for column, outcomes in columns.items():
        for check, problem in outcomes.items():
            if problem:
                console.print(Text(f"{column}: {check} ({CHECKS[check]}): {problem}"))
    if trouble:
        console.print(Text(f"the service had trouble of its own:\n{trouble}"))


def _cell(problem: str | None) -> Text:
    if problem is _ABSENT:
        return Text("not in it", style="dim")
    return Text("FAILED", style="bold red") if problem else Text("ok", style="green")


def _passed(outcomes: Outcomes) -> str:
    asked = [problem for problem in outcomes.values() if problem is not _ABSENT]
    return f"{asked.count(_PASSED)} of {len(asked)}"


if __name__ == "__main__":
    sys.exit(main())

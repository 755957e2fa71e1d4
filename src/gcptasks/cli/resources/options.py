"""The options that the commands on queues, tasks and jobs share."""

from typing import Annotated

import typer

EMULATOR = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="The local service to talk to. The default is the one that CLOUD_TASKS_EMULATOR_HOST names "
        "(CLOUD_SCHEDULER_EMULATOR_HOST for jobs); without it, Google.",
    ),
]
PROJECT = Annotated[
    str | None,
    typer.Option(
        metavar="P",
        help="The project. The default is that of GOOGLE_CLOUD_PROJECT; without it, all projects of the local service, "
        "and on Google the project of the credentials.",
    ),
]
LOCATION = Annotated[
    str | None,
    typer.Option(metavar="L|projects/P/locations/L", help="The location. The default is all locations of the project."),
]
JSON = Annotated[bool, typer.Option("--json", help="Write JSON, with the fields that Google's JSON has.")]
YES = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

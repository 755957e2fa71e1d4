"""The parts, by name, in the order of the target list."""

from bench.model import Part
from bench.parts import (
    backlog,
    commits,
    embedded,
    functions,
    holds,
    jobs,
    limits,
    port,
    results,
    routes,
    schedules,
    startup,
)

PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        *routes.PARTS,
        *startup.PARTS,
        *embedded.PARTS,
        *functions.PARTS,
        *results.PARTS,
        *limits.PARTS,
        *port.PARTS,
        *holds.PARTS,
        *backlog.PARTS,
        *commits.PARTS,
        *schedules.PARTS,
        *jobs.PARTS,
    )
}

GROUPS = {"HOT": ("P6", "P7", "P9", "P10", "P11", "P15", "P17")}
"""Parts that are measured together: HOT is the way of a task from its call until it has run."""

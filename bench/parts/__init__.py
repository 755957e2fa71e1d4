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

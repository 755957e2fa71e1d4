"""From an endpoint's arguments to the request that brings them to it, unchanged or not at all.

`gcptasks.values` asks whether a value arrives as it was given. `plan` puts a route together from its `parameters`,
which are `declarations` that can be carried. `urls`, `header_values`, `cookies` and `forms`, by `text` all four, and
`body` write them.
"""

from fastapi_gcp_tasks.encode.plan import JSON_TYPE, Encoded, Plan, compile_plan, route_again
from gcptasks.engine.header_rules import check_header

__all__ = ["JSON_TYPE", "Encoded", "Plan", "check_header", "compile_plan", "route_again"]

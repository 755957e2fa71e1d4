"""From an endpoint's arguments to the request that brings them to it, unchanged or not at all.

Whether a value arrives as it was given is asked in four ways, the cheapest that can tell:

1. By type, when the route is registered: values of a *plain* type arrive, whatever they are (`schemas`).
2. By exact types: does a plain model of scalars hold just the classes that it declares? If so, that was all
   (`exact_types`). If not, pydantic checks the value, strictly.
3. By a walk over a plain value, for what its type allows and JSON would lose: NaN, offsets with seconds, a model of a
   subclass (`losses`).
4. By a full round trip, where the type is not plain, or a field that was not set holds who knows what: the value is
   written, read as the worker will read it (`round_trip`), and compared with what was given (`equality`). Code of the
   user's, such as a validator, sees a copy.

A field of a model that was not set is left out where the worker's default is the same (`unset`). A model that reads by
other names than those by which it writes is written as it reads (`read_names`).

`plan` puts a route together from its `parameters`, which are `declarations` that can be carried. `urls`,
`header_values`, `cookies` and `forms`, by `text` all four, and `body` write them, and choose the way. `refusal` is what
the caller meets, `difference` the place in the value; `header_rules`, which headers a task carries.
"""

from fastapi_gcp_tasks.encode.header_rules import check_header
from fastapi_gcp_tasks.encode.plan import JSON_TYPE, Encoded, Plan, compile_plan, route_again

__all__ = ["JSON_TYPE", "Encoded", "Plan", "check_header", "compile_plan", "route_again"]

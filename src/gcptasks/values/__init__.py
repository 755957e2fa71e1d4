"""Whether a value arrives as it was given, and its JSON; it knows nothing of endpoints, functions or HTTP.

Whether a value arrives is asked in four ways, the cheapest that can tell:

1. By type, decided once: values of a *plain* type arrive, whatever they are (`schemas`).
2. By exact types: does a plain model of scalars hold just the classes that it declares? If so, that was all
   (`exact_types`). If not, pydantic checks the value, strictly.
3. By a walk over a plain value, for what its type allows and JSON would lose: NaN, offsets with seconds, a model of a
   subclass (`losses`).
4. By a full round trip, where the type is not plain, or a field that was not set holds who knows what: the value is
   written, read as the worker will read it (`round_trip`), and compared with what was given (`equality`). Code of the
   user's, such as a validator, sees a copy.

A field of a model that was not set is left out where the worker's default is the same (`unset`). A model that reads by
other names than those by which it writes is written as it reads (`read_names`).

`json_text` writes a value, and chooses the way. `refusal` is what the caller meets, `difference` the place in the
value.
"""

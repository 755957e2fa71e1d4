"""Reading the result of a task as what its endpoint returns, and writing that of a function."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from gcptasks.results.errors import ResultMismatch


class ResultType:
    """The type of an endpoint's results, asked for when the first one is read."""

    def __init__(self, endpoint: str, type: Callable[[], Any], *, by_alias: bool = True) -> None:
        """`by_alias`: whether what they are written by are the aliases of fields."""
        self._endpoint = endpoint
        self._type = type
        self._by_alias = by_alias

    def read(self, result: bytes | None) -> Any:
        """The value of that JSON, or None where there is none; `ResultMismatch` if it does not fit."""
        raw = b"null" if result is None else result
        try:
            return self._read(raw)
        except ValueError as error:
            if result is None:
                raise ResultMismatch(
                    f"there is no stored result, and {self._endpoint} does not return None: its response had no JSON, "
                    "or the router at its worker has no results=",
                    raw,
                ) from None
            raise ResultMismatch(
                f"the stored result does not fit what {self._endpoint} returns now: {error}", raw
            ) from None

    def write(self, value: Any) -> bytes:
        """The JSON of that value; a `ValueError` of pydantic's if it has none."""
        json: bytes = self._adapter.dump_json(value, by_alias=True, warnings=False)
        return json

    @cached_property
    def _read(self) -> Callable[[bytes], Any]:
        # Here, as those who ask for no result need not load it.
        from gcptasks.values.reading_back import reader_back

        return reader_back(self._type(), by_alias=self._by_alias)

    @cached_property
    def _adapter(self) -> Any:
        from pydantic import TypeAdapter

        return TypeAdapter(self._type())

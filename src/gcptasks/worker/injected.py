"""The default of a parameter that the framework fills in, so that callers may leave it out."""

import inspect
from collections.abc import Callable
from typing import Any, NoReturn


class Injected:
    """Stands where a value will be injected; whoever uses it as a value is told so."""

    def __init__(self, name: str = "this parameter") -> None:
        self.__name = name

    def __repr__(self) -> str:
        return "injected"

    def __copy__(self) -> "Injected":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Injected":
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python's own protocols ask for these, and take "none" for an answer
            raise AttributeError(name)
        self.__refuse()

    def __refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(f"{self.__name} is injected by FastAPI; pass it in a direct call")

    __call__ = __getitem__ = __setitem__ = __delitem__ = __contains__ = __iter__ = __next__ = __len__ = __refuse
    __bool__ = __enter__ = __exit__ = __await__ = __aiter__ = __anext__ = __aenter__ = __aexit__ = __refuse
    __int__ = __float__ = __index__ = __add__ = __sub__ = __mul__ = __lt__ = __le__ = __gt__ = __ge__ = __refuse


injected: Any = Injected()
"""The default to write for what FastAPI injects: `db: Annotated[DB, Depends(get_db)] = injected`.

FastAPI ignores it. Type checkers let callers of `.delay(...)` leave the argument out. It is no value: code that uses
it as one, as after a direct call without the argument, gets a `TypeError` that says so.
"""


def name_injected(function: Callable[..., Any]) -> None:
    """Let each `injected` among the function's defaults know the name of its parameter, for its error."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return
    if defaults := getattr(function, "__defaults__", None):
        names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        named = (_named(name, default) for name, default in zip(names, defaults, strict=True))
        function.__defaults__ = tuple(named)
    if keyword_only := getattr(function, "__kwdefaults__", None):
        keyword_only.update({name: _named(name, default) for name, default in keyword_only.items()})


def _named(name: str, default: Any) -> Any:
    return Injected(name) if default is injected else default

"""The cookies that an endpoint declares, and the one header that carries them."""

import re
from typing import Any

from fastapi_gcp_tasks.encode.parameters import Parameter
from fastapi_gcp_tasks.encode.text import ToText, text_of
from fastapi_gcp_tasks.exception import WrongTypeError
from gcptasks.base.http import is_token
from gcptasks.engine import header_rules
from gcptasks.values.refusal import NotCarried

_PRINTABLE = r"[\x20-\x7e]*"
_PLAIN = r"[^\s\",;\\]*"
_SPECIAL = r'[",;\\]'


def cookie_writer(parameter: Parameter) -> ToText:
    """'name=value', or one for each field of a model."""
    if parameter.fields:
        # Here, as few routes have one.
        from fastapi_gcp_tasks.encode.model_texts import joined_texts

        return joined_texts(parameter, _pair, "; ")
    to_text, key = text_of(parameter), parameter.key

    def write_cookie(value: Any) -> str | None:
        text = to_text(value)
        return None if text is None else f"{key}={_quoted(text)}"

    return write_cookie


def cookie_header(pairs: list[str]) -> str:
    """The value of the header `cookie`."""
    text = "; ".join(pairs)
    if reason := header_rules.bad_value("cookie", text):
        raise WrongTypeError(f"the cookies: {reason}")
    return text


def _pair(key: str, text: str) -> str:
    if not is_token(key):
        raise NotCarried(f"{key!r} is not a name that a cookie can have")
    return f"{key}={_quoted(text)}"


def _quoted(text: str) -> str:
    if not re.fullmatch(_PRINTABLE, text):
        raise NotCarried("a cookie carries printable ASCII")
    if re.fullmatch(_PLAIN, text):
        return text
    # The quoting of http.cookies, which Starlette undoes; a ';' may not stand even there.
    return '"' + re.sub(_SPECIAL, lambda special: f"\\{ord(special[0]):03o}", text) + '"'

"""What a query, a header and a cookie do with a parameter's text."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi_gcp_tasks.encode import headers
from fastapi_gcp_tasks.encode.parameters import Parameter
from fastapi_gcp_tasks.encode.refusal import NotCarried
from fastapi_gcp_tasks.encode.text import text_of, texts_of
from fastapi_gcp_tasks.exception import WrongTypeError

_QUOTED = [quote(chr(code), safe="") for code in range(128)]
_PRINTABLE = r"[\x20-\x7e]*"
_PLAIN_COOKIE = r"[^\s\",;\\]*"
_COOKIE_SPECIAL = r'[",;\\]'

Write = Callable[[Any], str | None]
"""None leaves the parameter out."""


def percent(text: str) -> str:
    """The text, percent-encoded in UTF-8."""
    return text.translate(_QUOTED) if text.isascii() else quote(text, safe="")


def query_writer(parameter: Parameter) -> Write:
    """'key=value', or one for each value of a repeated key."""
    key = percent(parameter.key) + "="
    if parameter.repeats:
        to_texts = texts_of(parameter)

        def write_all(value: Any) -> str | None:
            texts = to_texts(value)
            return None if texts is None else "&".join([key + percent(text) for text in texts])

        return write_all
    to_text = text_of(parameter)

    def write(value: Any) -> str | None:
        text = to_text(value)
        return None if text is None else key + percent(text)

    return write


def header_writer(parameter: Parameter, has_body: bool) -> Write:
    """The value of the parameter's own header."""
    to_text, key = text_of(parameter), parameter.key
    unsettable = headers.why_not_sent(key)
    if has_body and key == "content-type":
        unsettable = "the header 'content-type' is that of the body"

    def write(value: Any) -> str | None:
        text = to_text(value)
        if text is not None and (reason := unsettable or headers.bad_value(key, text)):
            raise NotCarried(reason)
        return text

    return write


def cookie_writer(parameter: Parameter) -> Write:
    """'name=value', for the one header that all cookies share."""
    to_text, key = text_of(parameter), parameter.key

    def write(value: Any) -> str | None:
        text = to_text(value)
        return None if text is None else f"{key}={_cookie_value(text)}"

    return write


def cookie_header(cookies: list[str]) -> str:
    """The value of the header `cookie`."""
    text = "; ".join(cookies)
    if reason := headers.bad_value("cookie", text):
        raise WrongTypeError(f"the cookies: {reason}")
    return text


def _cookie_value(text: str) -> str:
    if not re.fullmatch(_PRINTABLE, text):
        raise NotCarried("a cookie carries printable ASCII")
    if re.fullmatch(_PLAIN_COOKIE, text):
        return text
    # The quoting of http.cookies, which Starlette undoes; a ';' may not stand even there.
    return '"' + re.sub(_COOKIE_SPECIAL, lambda special: f"\\{ord(special[0]):03o}", text) + '"'

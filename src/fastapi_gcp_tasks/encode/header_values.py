"""The headers that an endpoint declares, and their values."""

from collections.abc import Callable
from typing import Any

from fastapi_gcp_tasks.encode.cookies import cookie_header, cookie_writer
from fastapi_gcp_tasks.encode.parameters import Parameter, Values
from fastapi_gcp_tasks.encode.text import ToText, text_of
from gcptasks.engine import header_rules
from gcptasks.engine.header_rules import Headers
from gcptasks.values.refusal import NotCarried, foreign, wrong


def headers_writer(
    in_headers: list[Parameter], in_cookies: list[Parameter], has_body: bool
) -> Callable[[Values], Headers]:
    """How the declared headers are made, the one that all cookies share last."""
    headers = [(one.name, one.key, _header_writer(one, has_body)) for one in in_headers if not one.fields]
    models = [(one.name, _model_writer(one)) for one in in_headers if one.fields]
    cookies = [(one.name, cookie_writer(one)) for one in in_cookies]

    def write_headers(values: Values) -> Headers:
        made: list[tuple[str, str]] = []
        pairs: list[str] = []
        name = ""
        try:
            for name, key, write in headers:
                if name in values and (text := write(values[name])) is not None:
                    made.append((key, text))
            for name, write_model in models:
                if name in values:
                    made += write_model(values[name])
            for name, write in cookies:
                if name in values and (text := write(values[name])) is not None:
                    pairs.append(text)
        except Exception as error:  # the user's own code may raise anything
            raise wrong(name, error) from foreign(error)
        if pairs:
            made.append(("cookie", cookie_header(pairs)))
        return tuple(made)

    return write_headers


def _header_writer(parameter: Parameter, has_body: bool) -> ToText:
    to_text, key = text_of(parameter), parameter.key
    unsettable = header_rules.why_not_sent(key)
    if has_body and key == "content-type":
        unsettable = "the header 'content-type' is that of the body"

    def write_header(value: Any) -> str | None:
        text = to_text(value)
        if text is not None and (reason := unsettable or header_rules.bad_value(key, text)):
            raise NotCarried(reason)
        return text

    return write_header


def _model_writer(parameter: Parameter) -> Callable[[Any], list[tuple[str, str]]]:
    # Here, as few routes have one.
    from fastapi_gcp_tasks.encode.model_texts import texts_of_model

    to_texts = texts_of_model(parameter)

    def write_model_headers(value: Any) -> list[tuple[str, str]]:
        texts = to_texts(value)
        for key, text in texts:
            if reason := header_rules.bad_value(key, text):
                raise NotCarried(reason)
        return texts

    return write_model_headers

"""The body of a form: its fields, urlencoded, or with files as multipart."""

from collections.abc import Callable
from typing import Any

from fastapi_gcp_tasks.encode.declarations import file_type
from fastapi_gcp_tasks.encode.files import Part, parts_of
from fastapi_gcp_tasks.encode.multipart import multipart, part
from fastapi_gcp_tasks.encode.pairs import pair
from fastapi_gcp_tasks.encode.parameters import Parameter, Values
from fastapi_gcp_tasks.encode.text import ToTexts, text_of, texts_of
from fastapi_gcp_tasks.exception import WrongTypeError
from gcptasks.engine.header_rules import Headers
from gcptasks.values.refusal import foreign, wrong

Fields = list[tuple[str, str | Part]]
"""Keys, and the texts or files under them."""
ToFields = Callable[[Any], Fields]
ToForm = Callable[[Values], tuple[Headers, bytes | None]]
"""The header that says which form it is, and the body."""

FORM_TYPE: Headers = (("content-type", "application/x-www-form-urlencoded"),)
_MOST = 1000
"""The fields, and the files, that Starlette reads of one form."""


def form_writer(declared: list[Parameter]) -> ToForm:
    """How a route's form is made of its fields and files."""
    with_files = any(file_type(one.info) for one in declared)
    write_one, finish = (part, multipart) if with_files else (_pair, _urlencoded)
    writers = [(one.name, fields_of(one)) for one in declared]

    def write_form(values: Values) -> tuple[Headers, bytes | None]:
        made: list[bytes] = []
        name = ""
        try:
            for name, to_fields in writers:
                if name in values:
                    made += [write_one(key, value) for key, value in to_fields(values[name])]
        except Exception as error:  # the user's own code may raise anything
            raise wrong(name, error) from foreign(error)
        if len(made) > _MOST:
            raise WrongTypeError(f"a form can have {_MOST} fields and files, not {len(made)}")
        return finish(made) if made else ((), None)

    return write_form


def _pair(key: str, value: Any) -> bytes:
    return pair(key, value).encode()


def _urlencoded(pairs: list[bytes]) -> tuple[Headers, bytes]:
    return FORM_TYPE, b"&".join(pairs)


def fields_of(parameter: Parameter) -> ToFields:
    """How this parameter's fields are made; none where its default stands for the value."""
    if parameter.fields:
        return _of_model(parameter)
    key = parameter.key
    to_values = parts_of(parameter) or (texts_of(parameter) if parameter.repeats else _one_text(parameter))

    def write_fields(value: Any) -> Fields:
        return [(key, one) for one in to_values(value) or ()]

    return write_fields


def _of_model(parameter: Parameter) -> ToFields:
    # Here, as few routes have one.
    from fastapi_gcp_tasks.encode.model_texts import texts_of_model

    to_texts = texts_of_model(parameter)
    return lambda value: list(to_texts(value))


def _one_text(parameter: Parameter) -> ToTexts:
    to_text = text_of(parameter)

    def write_text(value: Any) -> list[str] | None:
        text = to_text(value)
        if text == "":
            # FastAPI takes an empty field for one that was not filled in.
            parameter.check_omission(value)
        return [text] if text else None

    return write_text

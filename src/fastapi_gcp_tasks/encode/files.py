"""Files: what a caller passes as bytes or as an `UploadFile`, and what of it arrives.

An `UploadFile` arrives as one with the same content, filename, content type and headers. The worker's own header
`content-disposition`, which says in which field it came, takes the place of the caller's.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

from pydantic import ValidationError
from starlette.datastructures import UploadFile

from fastapi_gcp_tasks.encode.declarations import bad_form_name, file_type
from fastapi_gcp_tasks.encode.parameters import Parameter
from gcptasks.engine import header_rules
from gcptasks.engine.header_rules import Headers
from gcptasks.engine.task_limits import LARGEST
from gcptasks.values.refusal import NotCarried, reasons, shown
from gcptasks.values.round_trip import round_trip, strict_check

_MOST_HEADERS = 7
"""python-multipart takes eight for a part, and `content-disposition` is one."""
_LONGEST_HEADER = 4096


class Part(NamedTuple):
    """One file as it is sent."""

    filename: str
    headers: Headers
    content: bytes


ToParts = Callable[[Any], list[Part] | None]
"""None leaves the parameter out."""


def parts_of(parameter: Parameter) -> ToParts | None:
    """How a file, or several, are read, in the order in which they are given; None for a parameter that takes none."""
    taken = file_type(parameter.info)
    if taken is None:
        return None
    read = (_bytes_reader if taken.cls is bytes else _uploads_reader)(parameter, taken.several)

    def read_parts(value: Any) -> list[Part] | None:
        if value is None:
            parameter.check_omission(value)
            return None
        try:
            parts = read(value)
        except ValidationError as error:
            raise NotCarried(reasons(error)) from None
        if not parts:
            parameter.check_omission(value)
        return parts or None

    return read_parts


def _bytes_reader(parameter: Parameter, several: bool) -> Callable[[Any], list[Part]]:
    check = strict_check(parameter.adapter)

    def read_bytes(value: Any) -> list[Part]:
        check(value)
        contents: list[bytes] = list(value) if several else [value]
        if contents:
            round_trip(value, contents if several else contents[0], parameter.receive)
        return [Part("upload", (), content) for content in contents]

    return read_bytes


def _uploads_reader(parameter: Parameter, several: bool) -> Callable[[Any], list[Part]]:
    check = parameter.adapter.validator.validate_python

    def read_uploads(value: Any) -> list[Part]:
        check(value, strict=True)
        return list(map(_part, value if several else [value]))

    return read_uploads


def _part(upload: UploadFile) -> Part:
    filename = upload.filename
    if not filename:
        raise NotCarried(f"{shown(upload)} has no filename, and without one it would not arrive as a file")
    if reason := bad_form_name(filename):
        raise NotCarried(f"the filename {reason}")
    headers = tuple(_headers(upload))
    if len(headers) > _MOST_HEADERS:
        raise NotCarried(f"a file can have {_MOST_HEADERS} headers at most")
    return Part(filename, headers, _content(upload))


def _headers(upload: UploadFile) -> Iterator[tuple[str, str]]:
    for name, value in upload.headers.items():
        if name == "content-disposition":
            continue
        if reason := header_rules.bad_name(name) or header_rules.bad_value(name, value):
            raise NotCarried(reason)
        if len(name) + len(value) > _LONGEST_HEADER - 2:
            raise NotCarried(f"the header {name!r} of a file can have {_LONGEST_HEADER} bytes at most")
        yield name, value


def _content(upload: UploadFile) -> bytes:
    """All of the file, which is left at the place where it was."""
    file: Any = upload.file
    before = file.tell()
    file.seek(0)
    content = cast(bytes, file.read(LARGEST + 1))
    file.seek(before)
    if type(content) is not bytes:
        raise NotCarried(f"the file holds {type(content).__name__}, not bytes")
    if len(content) > LARGEST:
        raise NotCarried(f"the file has more bytes than a task can hold, {LARGEST}: pass a reference to it instead")
    return content

"""Forms: fields and files arrive as they were given, in one request with all that the endpoint takes."""

import io
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, NamedTuple

import pytest
from fastapi import Depends, File, Form, Header, UploadFile
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.datastructures import UploadFile as StarletteUploadFile

from encode.encode_worker import Encoded, Worker, refused, worker_of
from fastapi_gcp_tasks.exception import MissingParamError, WrongTypeError
from gcptasks.engine.task_limits import LARGEST

text = st.text(st.characters(exclude_categories=["Cs"]))
filenames = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\\'), min_size=1, max_size=20).filter(
    lambda name: all(ord(character) >= 32 and ord(character) != 127 for character in name)
)
header_values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
contents = st.one_of(st.binary(max_size=200), text.map(str.encode), st.just(b"\r\n--"), st.just(b"--\r\n"))


class Sent(NamedTuple):
    """What an UploadFile is made of."""

    filename: str
    content: bytes
    headers: dict[str, str]

    def upload(self) -> UploadFile:
        return UploadFile(io.BytesIO(self.content), filename=self.filename, headers=Headers(self.headers))


sent_files = st.builds(
    Sent,
    filename=filenames,
    content=contents,
    headers=st.dictionaries(st.sampled_from(["content-type", "x-one", "x-two"]), header_values),
)


def as_sent(upload: StarletteUploadFile) -> Sent:
    headers = {name: value for name, value in upload.headers.items() if name != "content-disposition"}
    return Sent(upload.filename or "", upload.file.read(), headers)


@cache
def bytes_worker() -> Worker:
    return worker_of(Annotated[bytes, File()])


@cache
def uploads_worker() -> Worker:
    def endpoint(first: UploadFile, rest: list[UploadFile], note: Annotated[str | None, Form()] = None) -> None:
        made.received.append({"files": [as_sent(one) for one in (first, *rest)], "note": note})

    made = Worker(endpoint)
    return made


@settings(max_examples=100)
@given(content=contents)
def test_bytes_of_a_file_arrive_as_they_were_given(content: bytes) -> None:
    assert bytes_worker().carry(value=content) == {"value": content}


@settings(max_examples=200)
@given(files=st.lists(sent_files, min_size=2, max_size=4), note=st.one_of(st.none(), text.filter(bool)))
def test_an_upload_arrives_with_its_content_name_and_headers(files: list[Sent], note: str | None) -> None:
    first, *rest = [one.upload() for one in files]
    assert uploads_worker().carry(first=first, rest=rest, note=note) == {"files": files, "note": note}


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[bytes], [b"a", b"", b"a", b"b"]),
        (set[bytes], {b"a", b"\xff"}),
        (bytes | None, b"x"),
    ],
    ids=["list", "set", "optional"],
)
def test_files_are_taken_as_bytes_in_containers(annotation: Any, value: Any) -> None:
    assert worker_of(Annotated[annotation, File()]).carry(value=value) == {"value": value}


def test_an_upload_is_read_whole_and_left_as_it_was() -> None:
    upload = Sent("a.txt", b"0123456789", {}).upload()
    upload.file.seek(4)
    received = uploads_worker().carry(first=upload, rest=[upload])
    assert [one.content for one in received["files"]] == [b"0123456789"] * 2
    assert upload.file.tell() == 4


def test_an_upload_that_came_in_a_request_goes_on_as_a_task() -> None:
    next_one = worker_of(UploadFile)
    requests: list[Encoded] = []

    def endpoint(incoming: UploadFile) -> None:
        requests.append(next_one.encode(value=incoming))

    sent = Sent("é 1.txt", b"\r\n\0", {"content-type": "text/x"})
    first = Worker(endpoint)
    assert first.deliver(first.encode(incoming=sent.upload()))[0] == 200
    assert next_one.deliver(*requests)[0] == 200
    upload: UploadFile = next_one.received.pop()["value"]
    assert (upload.filename, upload.content_type, upload.size) == ("é 1.txt", "text/x", 3)


class Colour(StrEnum):
    RED = "red"
    NONE = ""


@cache
def everything() -> Worker:
    def signed(by: Annotated[str, Form()] = "nobody") -> str:
        return by

    def endpoint(
        file: Annotated[bytes, File(alias="the file")],
        name: Annotated[str, Form(alias="the näme")],
        shop: str,
        token: Annotated[str, Header()],
        signature: Annotated[str, Depends(signed)],
        colours: Annotated[list[Colour] | None, Form(alias="colours[]")] = None,
        size: Annotated[int, Form(gt=0)] = 7,
        more: Annotated[list[bytes], File()] = [],  # noqa: B006  # FastAPI's own way to say so
        uploads: list[UploadFile] | None = None,
    ) -> None:
        received = {"file": file, "name": name, "shop": shop, "token": token, "signature": signature}
        made.received.append({**received, "colours": colours, "size": size, "more": more})
        assert [one.filename for one in uploads or ()] == [one.decode() for one in more]

    made = Worker(endpoint, "/shops/{shop}")
    return made


def test_files_fields_and_what_dependencies_declare_travel_together() -> None:
    given_alone = {"file": b"\0", "name": "ü & + =", "shop": "n", "token": "t"}
    defaults: dict[str, Any] = {"signature": "nobody", "colours": None, "size": 7, "more": []}
    assert everything().carry(**given_alone) == {**given_alone, **defaults}
    more = {"colours": [Colour.RED, Colour.NONE], "size": 1, "more": [b"b", b"a"]}
    uploads = [Sent(name, b"", {}).upload() for name in "ba"]
    sent = {**given_alone, **more, "by": "me", "uploads": uploads}
    assert everything().carry(**sent) == {**given_alone, **more, "signature": "me"}


def test_a_form_without_files_is_urlencoded() -> None:
    def endpoint(user: Annotated[str, Form()], tags: Annotated[list[str], Form(alias="tag[]")]) -> None: ...

    sent = Worker(endpoint).encode(user="a b&é", tags=["x", ""])
    assert sent.body == b"user=a%20b%26%C3%A9&tag%5B%5D=x&tag%5B%5D="
    assert sent.headers == (("content-type", "application/x-www-form-urlencoded"),)


def test_the_same_call_makes_the_same_request() -> None:
    assert bytes_worker().encode(value=b"1") == bytes_worker().encode(value=b"1")
    assert bytes_worker().encode(value=b"1") != bytes_worker().encode(value=b"2")


def test_a_form_of_which_nothing_is_given_is_no_body() -> None:
    def endpoint(note: Annotated[str | None, Form()] = None, file: UploadFile | None = None) -> None:
        target.received.append({"note": note, "file": file})

    target = Worker(endpoint)
    assert target.encode() == target.encode(note=None, file=None) == ("/task", (), None)
    assert target.carry() == {"note": None, "file": None}


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        (UploadFile(io.BytesIO(b"")), "has no filename, and without one it would not arrive as a file"),
        (Sent("", b"", {}).upload(), "has no filename"),
        (Sent('a"b', b"", {}).upload(), "no quotes, backslashes or control characters"),
        (Sent("a\\b", b"", {}).upload(), "no quotes, backslashes or control characters"),
        (Sent("a\nb", b"", {}).upload(), "no quotes, backslashes or control characters"),
        (Sent("a" * 1001, b"", {}).upload(), "1 to 1000 characters"),
        (Sent("a\ud800", b"", {}).upload(), "a lone surrogate cannot be written in UTF-8"),
        (Sent("a", b"", {"x-note": "é"}).upload(), "'x-note' carries printable ASCII"),
        (Sent("a", b"", {"x-note": ""}).upload(), "'x-note' carries printable ASCII"),
        (Sent("a", b"", {"x-note": "a" * 5000}).upload(), "'x-note' of a file can have 4096 bytes at most"),
        (Sent("a", b"", {f"x-{number}": "1" for number in range(8)}).upload(), "a file can have 7 headers at most"),
        (Sent("a", bytes(LARGEST + 1), {}).upload(), "the file has more bytes than a task can hold, 1048569"),
        (UploadFile(io.StringIO("text"), filename="a"), "the file holds str, not bytes"),  # type: ignore[arg-type]
        (b"text", "Expected UploadFile, received: <class 'bytes'>"),
        (None, "None cannot be carried"),
    ],
    ids=str,
)
def test_an_upload_that_would_not_arrive_is_refused(upload: Any, reason: str) -> None:
    with refused(WrongTypeError, "value: ", reason):
        worker_of(UploadFile).encode(value=upload)


def test_a_closed_file_is_refused() -> None:
    upload = Sent("a", b"", {}).upload()
    upload.file.close()
    with refused(WrongTypeError, "value: it cannot be checked: ValueError: I/O operation on closed file"):
        worker_of(UploadFile).encode(value=upload)


@pytest.mark.parametrize("value", ["text", bytearray(b"1"), None, [b"1"]])
def test_only_bytes_are_taken_for_a_file_of_bytes(value: Any) -> None:
    with refused(WrongTypeError, "value: "):
        bytes_worker().encode(value=value)


@pytest.mark.parametrize("annotation", [list[bytes], list[UploadFile]])
def test_an_empty_list_of_files_is_refused_where_it_would_not_arrive(annotation: Any) -> None:
    with refused(WrongTypeError, "value: an empty list cannot be carried: no value would arrive"):
        worker_of(Annotated[annotation, File()]).encode(value=[])


def test_constraints_of_files_hold() -> None:
    with refused(WrongTypeError, "value: ", "at most 2 bytes"):
        worker_of(Annotated[bytes, File(max_length=2)]).encode(value=b"123")
    with refused(WrongTypeError, "value: ", "at most 1 item"):
        uploads = [Sent("a", b"", {}).upload()] * 2
        worker_of(Annotated[list[UploadFile], File(max_length=1)]).encode(value=uploads)


def test_a_form_has_a_thousand_fields_at_most() -> None:
    target = worker_of(Annotated[list[int], Form()])
    assert target.carry(value=list(range(1000))) == {"value": list(range(1000))}
    with refused(WrongTypeError, "a form can have 1000 fields and files, not 1001"):
        target.encode(value=list(range(1001)))


def test_an_empty_text_of_a_form_is_refused_unless_it_is_the_default() -> None:
    with refused(WrongTypeError, "value: an empty str cannot be carried: no value would arrive"):
        worker_of(Annotated[str, Form()]).encode(value="")
    with refused(WrongTypeError, "value: an empty str cannot be carried: its default would arrive"):
        worker_of(Annotated[str, Form()], default="x").encode(value="")
    assert worker_of(Annotated[str, Form()], default="").carry(value="") == {"value": ""}


def test_a_missing_field_is_an_error() -> None:
    with refused(MissingParamError, "name, shop, token"):
        everything().encode(file=b"")


def test_a_dependency_and_its_endpoint_may_read_one_field() -> None:
    def checked(amount: Annotated[int, Form(le=5)]) -> None: ...

    def endpoint(amount: Annotated[int, Form(ge=0)], checks: Annotated[None, Depends(checked)]) -> None:
        target.received.append({"amount": amount})

    target = Worker(endpoint)
    assert target.carry(amount=3) == {"amount": 3}
    with refused(WrongTypeError, "amount: a dependency declares the form 'amount' too, and would refuse"):
        target.encode(amount=6)


def test_a_file_that_two_read_is_refused_as_bytes() -> None:
    def checked(file: Annotated[bytes, File()]) -> None: ...

    def endpoint(file: Annotated[bytes, File()], checks: Annotated[None, Depends(checked)]) -> None: ...

    with refused(TypeError, "'file'", "is declared twice, and a file is read once"):
        Worker(endpoint)


def test_the_header_content_type_is_that_of_the_form() -> None:
    def endpoint(user: Annotated[str, Form()], content_type: Annotated[str, Header()]) -> None: ...

    with refused(WrongTypeError, "content_type: the header 'content-type' is that of the body"):
        Worker(endpoint).encode(user="a", content_type="text/plain")

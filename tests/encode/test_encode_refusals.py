"""What a task can't carry: refused at registration where the declaration shows it, else at the call."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    File,
    Form,
    Header,
    Path,
    Query,
    Request,
    Response,
    UploadFile,
    params,
)
from fastapi.security import SecurityScopes
from pydantic import AfterValidator, BaseModel, Field, Json, SecretStr
from starlette.requests import HTTPConnection

from encode.encode_worker import Worker, refused, worker_of
from fastapi_gcp_tasks.dependencies import CloudTasksHeaders
from fastapi_gcp_tasks.encode import check_header
from fastapi_gcp_tasks.exception import MissingParamError, WrongTypeError


class Filters(BaseModel):
    page: int = 1


class Login(BaseModel):
    user: str
    passwords: list[SecretStr] = []


def file_as_text(value: Annotated[str, File()]) -> None: ...
def files_in_a_dict(value: Annotated[dict[str, bytes], File()]) -> None: ...
def tuple_of_files(value: Annotated[tuple[bytes, ...], File()]) -> None: ...
def optional_files(value: Annotated[list[bytes] | None, File()] = None) -> None: ...
def changed_upload(value: Annotated[UploadFile, AfterValidator(str)]) -> None: ...
def late_file(name: Annotated[str, Form()], value: Annotated[bytes, File()]) -> None: ...
def bytes_beside_a_file(file: UploadFile, value: Annotated[list[bytes], Form()]) -> None: ...
def quoted_name(file: UploadFile, value: Annotated[str, Form(alias='a"b')]) -> None: ...
def form_and_body(name: Annotated[str, Form()], value: Annotated[int, Body()]) -> None: ...
def hidden_form_list(value: Annotated[Annotated[list[int], Field(max_length=3)] | None, Form()] = None) -> None: ...
def form_secret(value: Annotated[SecretStr, Form()]) -> None: ...
def secret(value: Annotated[SecretStr, Query()]) -> None: ...
def nested_secret(value: Login) -> None: ...
def optional_secrets(value: Annotated[list[SecretStr] | None, Body()] = None) -> None: ...
def json_text(value: Annotated[Json[list[int]], Query()]) -> None: ...
def two_names(value: Annotated[int, Query(alias="a", validation_alias="b")]) -> None: ...
def header_list(value: Annotated[list[str], Header()]) -> None: ...
def hidden_list(value: Annotated[Annotated[list[int], Field(max_length=3)] | None, Query()] = None) -> None: ...
def cookie_list(value: Annotated[list[str] | None, Cookie()] = None) -> None: ...
def header_name(value: Annotated[str, Header(alias="x token")]) -> None: ...
def cookie_name(value: Annotated[str, Cookie(alias="a;b")]) -> None: ...
def dropped_header(value: Annotated[str, Header(alias="Accept-Encoding")]) -> None: ...
def google_header(value: Annotated[str, Header(alias="X-Google-Thing")]) -> None: ...
def other_media_type(value: Annotated[bytes, Body(media_type="application/octet-stream")]) -> None: ...
def same_key(first: Annotated[int, Query(alias="k")], value: Annotated[int, Query(alias="k")]) -> None: ...
def cookie_header(value: Annotated[str, Header(alias="cookie")], token: Annotated[str, Cookie()]) -> None: ...
def any_keyword(**value: int) -> None: ...
def any_position(*value: int) -> None: ...


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (file_as_text, "files are carried as bytes, as UploadFile, or as a list or set of them"),
        (files_in_a_dict, "files are carried as bytes, as UploadFile, or as a list or set of them"),
        (tuple_of_files, "files are carried as bytes, as UploadFile, or as a list or set of them"),
        (optional_files, "FastAPI 0.115 fails at an optional list of bytes; give it the default File([])"),
        (changed_upload, "an UploadFile cannot be compared with what a validator of your own makes of it"),
        (late_file, "FastAPI 0.115 reads bytes where the first of all form parameters is a file"),
        (bytes_beside_a_file, "FastAPI 0.115 takes a list of bytes beside files for files; declare it as File"),
        (quoted_name, "the name 'a\"b' must have 1 to 1000 characters, and no quotes, backslashes"),
        (form_and_body, "FastAPI reads a form or JSON, not both; mark it with Form"),
        (hidden_form_list, "FastAPI 0.115 reads one value of such a list; put the union inside Annotated"),
        (form_secret, "secrets (SecretStr and its kin) do not belong in a task"),
        (secret, "secrets (SecretStr and its kin) do not belong in a task"),
        (nested_secret, "secrets (SecretStr and its kin) do not belong in a task"),
        (optional_secrets, "secrets (SecretStr and its kin) do not belong in a task"),
        (json_text, "FastAPI 0.115 does not take it for one value; write Json[Any]"),
        (two_names, "FastAPI versions differ in how they read validation_alias; use alias"),
        (hidden_list, "FastAPI 0.115 reads one value of such a list; put the union inside Annotated"),
        (header_list, "a task has one value for each header"),
        (cookie_list, "FastAPI reads one value for each cookie"),
        (header_name, "'x token' is not a name that a header can have"),
        (cookie_name, "'a;b' is not a name that a cookie can have"),
        (dropped_header, "the queue service drops the header 'accept-encoding'"),
        (google_header, "the queue service drops the header 'x-google-thing'"),
        (other_media_type, "a body of the media type 'application/octet-stream' is not supported yet"),
        (same_key, "the query 'k' is 'first' already"),
        (cookie_header, "the header 'cookie' is made of the cookie parameters"),
        (any_keyword, "FastAPI passes arguments by keyword, and it is variadic keyword"),
        (any_position, "FastAPI passes arguments by keyword, and it is variadic positional"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_declaration_that_cannot_be_carried_is_refused_at_registration(
    endpoint: Callable[..., Any], reason: str
) -> None:
    with refused(TypeError, f"{endpoint.__qualname__}: the parameter 'value' cannot be carried by a task: {reason}"):
        Worker(endpoint)


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS"])
def test_a_body_is_refused_where_the_method_has_none(method: str) -> None:
    """Google refuses a body with any method but POST, PUT and PATCH (CT-103)."""

    def endpoint(item: Filters | None = None) -> None: ...

    with refused(TypeError, "'item'", f"a task with the method {method} has no body; use POST, PUT or PATCH"):
        Worker(endpoint, method=method)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_body_is_carried_by_put_and_patch(method: str) -> None:
    def endpoint(item: Filters) -> None:
        target.received.append({"item": item})

    target = Worker(endpoint, method=method)
    assert target.carry(item=Filters(page=4)) == {"item": Filters(page=4)}


def test_a_path_parameter_that_nobody_declares_is_refused() -> None:
    def endpoint() -> None: ...

    with refused(TypeError, "'tenant'", "neither the endpoint nor a dependency declares {tenant} of /{tenant}/run"):
        Worker(endpoint, "/{tenant}/run")


def test_a_path_parameter_that_is_not_in_the_path_is_refused() -> None:
    def endpoint(tenant: Annotated[str, Path(alias="renter")]) -> None: ...

    with refused(TypeError, "'tenant'", "the path /run has no {renter}"):
        Worker(endpoint, "/run")


@pytest.mark.parametrize("part", ["{item-id}", "{}", "{1st}", "{ value}", "{value", "value}"])
def test_a_path_with_braces_that_name_no_parameter_is_refused(part: str) -> None:
    def endpoint(value: str = "") -> None: ...

    odd = part.removeprefix("value")
    with refused(TypeError, f"a task cannot have the path /run/{part}: {odd} names no parameter"):
        Worker(endpoint, f"/run/{part}")


@pytest.mark.parametrize("bare", [list, set, tuple, frozenset])
def test_a_bare_container_is_told_to_say_what_is_in_it(bare: type) -> None:
    with refused(TypeError, f"takes a bare {bare.__name__} for files; write {bare.__name__}[…] with what is in it"):
        worker_of(bare)


# At the call.


def one(marker: Any, default: Any = ...) -> Worker:
    return worker_of(Annotated[str, marker], "/a/{value}/b" if isinstance(marker, params.Path) else "/task", default)


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "/", "\ud800"], ids=ascii)
def test_what_a_path_cannot_hold_is_refused(value: str) -> None:
    with refused(WrongTypeError, "value: "):
        one(Path()).encode(value=value)


@pytest.mark.parametrize("value", ["a%2Fb", "%", "?", "#", "a b", "...", "ä\n", "\\", ";v=1", "+"], ids=ascii)
def test_what_a_path_reserves_is_encoded(value: str) -> None:
    assert one(Path()).carry(value=value) == {"value": value}


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a\nb", "a\tb", "a\0", "é", "\x7f", "x" * 8184], ids=lambda one: ascii(one)[:9]
)
def test_what_a_header_cannot_hold_is_refused(value: str) -> None:
    """Google drops a header that is empty, too long or not ASCII (CT-105, CT-290), and changes line ends (CT-291)."""
    with refused(WrongTypeError, "value: the header 'value'"):
        one(Header()).encode(value=value)


def test_a_header_holds_8188_bytes_with_its_name() -> None:
    """Google keeps a header of 8188 bytes, and drops a longer one (CT-105)."""
    assert one(Header()).carry(value="x" * 8183) == {"value": "x" * 8183}


@pytest.mark.parametrize("value", ["a\nb", "é", "\x00", "x" * 8188], ids=lambda one: ascii(one)[:9])
def test_what_a_cookie_cannot_hold_is_refused(value: str) -> None:
    with refused(WrongTypeError, "cookie"):
        one(Cookie()).encode(value=value)


@pytest.mark.parametrize("value", ["a;b", '"', '"quoted"', " a ", "a,b", "\\073", "a=b", ""])
def test_what_a_cookie_must_quote_arrives(value: str) -> None:
    assert one(Cookie()).carry(value=value) == {"value": value}


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("Host", "the queue service drops the header 'host'"),
        ("user-agent", "the queue service replaces the header 'user-agent'"),
        ("X-CloudTasks-TaskName", "the queue service sets the header 'x-cloudtasks-taskname' itself"),
        ("X-CloudScheduler-JobName", "the queue service sets the header 'x-cloudscheduler-jobname' itself"),
        ("X-AppEngine-Country", "the queue service drops the header 'x-appengine-country'"),
        ("Content-Length", "the queue service drops the header 'content-length'"),
    ],
)
def test_a_value_for_a_header_that_the_service_drops_or_replaces_is_refused(alias: str, reason: str) -> None:
    """Google drops some (CT-249), and replaces others when it stores (CT-121) or sends the task (CT-170)."""
    with refused(WrongTypeError, f"value: {reason}"):
        one(Header(alias=alias), "none").encode(value="x")
    with refused(ValueError, reason):
        check_header(alias, "x")


def test_a_header_option_is_checked_as_a_header_parameter_is() -> None:
    check_header("X-Fine", "yes it is")
    with refused(ValueError, "'a b' is not a name"):
        check_header("a b", "x")
    with refused(ValueError, "the header 'X-Fine' carries printable ASCII"):
        check_header("X-Fine", "é")


@pytest.mark.parametrize(
    "alias", ["X-CloudTasks-QueueName", "X-CloudScheduler", "Authorization", "Content-Type", "User-Agent", "Host"]
)
def test_a_required_header_that_others_may_set_need_not_be_passed(alias: str) -> None:
    target = one(Header(alias=alias))
    assert target.encode() == ("/task", (), None)
    assert target.deliver(target.encode(), **{alias: "set by the queue"})[0] == 200
    assert target.received == [{"value": "set by the queue"}]


def test_authorization_may_be_passed() -> None:
    """Google sends the caller's own `Authorization` if the task has no token (CT-173)."""
    assert one(Header(alias="Authorization")).carry(value="Basic abc") == {"value": "Basic abc"}


def test_the_content_type_of_a_body_cannot_be_passed() -> None:
    def endpoint(item: Filters, content_type: Annotated[str, Header()]) -> None:
        target.received.append({"content_type": content_type})

    target = Worker(endpoint)
    with refused(WrongTypeError, "content_type: the header 'content-type' is that of the body"):
        target.encode(item=Filters(), content_type="text/plain")
    assert target.carry(item=Filters()) == {"content_type": "application/json"}


def test_headers_and_cookies_go_by_their_aliases() -> None:
    def endpoint(
        x_token: Annotated[str, Header()],
        plain_name: Annotated[int, Header(convert_underscores=False)],
        other: Annotated[str, Header(alias="X-Other")],
        session: Annotated[str, Cookie(alias="SID")],
        lang: Annotated[str, Cookie()] = "en",
    ) -> None:
        target.received.append(
            {"x_token": x_token, "plain_name": plain_name, "other": other, "session": session, "lang": lang}
        )

    target = Worker(endpoint)
    values = {"x_token": "t", "plain_name": 3, "other": "o", "session": "s s", "lang": "de"}
    assert dict(target.encode(**values).headers) == {
        "x-token": "t",
        "plain_name": "3",
        "x-other": "o",
        "cookie": 'SID="s s"; lang=de',
    }
    assert target.carry(**values) == values


# Names.


def everything_injected(
    request: Request,
    connection: HTTPConnection,
    response: Response,
    tasks: BackgroundTasks,
    scopes: SecurityScopes,
    user: Annotated[str, Depends(lambda: "u")],
    number: int = 1,
) -> None: ...


@pytest.mark.parametrize("name", ["request", "connection", "response", "tasks", "scopes", "user"])
def test_a_value_for_what_fastapi_injects_is_refused(name: str) -> None:
    with refused(TypeError, f"'{name}' is injected by FastAPI and cannot be passed"):
        Worker(everything_injected).encode(**{name: None, "number": 1})


def test_an_unknown_argument_is_refused() -> None:
    with refused(TypeError, "unexpected argument 'numbr'; the endpoint takes number"):
        Worker(everything_injected).encode(numbr=1)


def test_the_arguments_that_an_endpoint_takes_are_named_without_the_headers_of_the_queue() -> None:
    def endpoint(number: int, headers: Annotated[CloudTasksHeaders, Depends()], x_trace: str = Header("")) -> None: ...

    with refused(TypeError, "unexpected argument 'numbr'; the endpoint takes number, x_trace"):
        Worker(endpoint).encode(numbr=1)


def test_a_missing_argument_is_refused() -> None:
    def endpoint(first: int, second: Filters, third: Annotated[str, Header()], fourth: int = 4) -> None: ...

    with refused(MissingParamError, "missing required arguments: first, third"):
        Worker(endpoint).encode(second=Filters())
    with refused(MissingParamError, "missing required argument: second"):
        Worker(endpoint).encode(first=1, third="x")


@pytest.mark.parametrize("marker", [Query, Header, Cookie, Form])
def test_a_default_that_the_worker_may_refuse_is_none(marker: Any) -> None:
    """FastAPI 0.115 validates defaults outside JSON; the newest does not."""
    target = worker_of(Annotated[str, marker(min_length=2)], default="x")
    with refused(MissingParamError, "value"):
        target.encode()
    with refused(ValueError, "value", "at least 2 characters"):
        target.encode(value="x")
    assert target.carry(value="xy") == {"value": "xy"}
    assert worker_of(Annotated[str, marker(min_length=2)], default="xy").carry() == {"value": "xy"}


def test_a_default_of_a_body_is_not_validated() -> None:
    target = worker_of(Annotated[str, Body(min_length=2, embed=True)], default="x")
    assert target.carry() == {"value": "x"}

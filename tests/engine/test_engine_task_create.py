from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.events import TaskCreated
from gcptasks.base.names import TaskName, parse_queue
from gcptasks.engine import tasks
from gcptasks.engine.model import HttpRequest, NewTask, OAuthToken, OidcToken, RetryConfig, Task

QUEUE = parse_queue("projects/p/locations/l/queues/q")
NAME = TaskName(QUEUE, "t")
NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
URL = "https://worker.example.com/hello?x=1"
SENT = HttpRequest(url=URL)
NOTHING_RETRY = RetryConfig(
    max_attempts=0, max_retry_duration_ns=0, min_backoff_ns=0, max_backoff_ns=0, max_doublings=0
)
EMAIL = "tasks@p.iam.gserviceaccount.com"


def new_task(request: HttpRequest = SENT, **given: Any) -> NewTask:
    return NewTask(queue=QUEUE, name=None, request=request, **given)


def created(request: HttpRequest = SENT, now: datetime = NOW, **given: Any) -> Task:
    task = tasks.create(new_task(request, **given), NAME, now).task
    assert task is not None
    return task


def test_a_name_is_blocked_for_a_day() -> None:
    """CT-130."""
    assert tasks.NAME_BLOCK.total_seconds() == 24 * 3600


def test_a_task_with_only_a_url_is_filled_in() -> None:
    """CT-115, CT-116, CT-117, CT-119, CT-121."""
    decision = tasks.create(new_task(), NAME, NOW)
    assert decision.task == Task(
        name=NAME,
        request=HttpRequest(url=URL, method="POST", headers={"User-Agent": "Google-Cloud-Tasks"}),
        created_at=datetime(2030, 1, 2, 3, 4, 5, 0, UTC),
        scheduled_at=NOW,
        dispatch_deadline=timedelta(seconds=600),
    )
    assert decision.events == (TaskCreated(NAME, NOW, NOW),)


def test_what_is_sent_is_kept() -> None:
    """CT-120, CT-161."""
    request = HttpRequest(url=URL, method="PUT", headers={"x-MiXed": "1"}, body=b"\x00\xff")
    task = created(request, dispatch_deadline=timedelta(seconds=20), scheduled_at=NOW + timedelta(hours=1))
    assert task.request == replace(request, headers={"x-MiXed": "1", "User-Agent": "Google-Cloud-Tasks"})
    assert task.dispatch_deadline == timedelta(seconds=20)
    assert task.scheduled_at == NOW + timedelta(hours=1)
    assert request.headers == {"x-MiXed": "1"}


@pytest.mark.parametrize(
    "past",
    [
        pytest.param(NOW - timedelta(hours=1), id="an hour ago"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), id="1970"),
        pytest.param(datetime(1969, 12, 31, tzinfo=UTC), id="1969"),
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), id="year 1"),
    ],
)
def test_a_time_in_the_past_becomes_now(past: datetime) -> None:
    """CT-111."""
    assert created(scheduled_at=past).scheduled_at == NOW


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(timedelta(seconds=15), timedelta(seconds=15), id="CT-097 shortest"),
        pytest.param(timedelta(minutes=30), timedelta(minutes=30), id="CT-097 longest"),
        pytest.param(
            timedelta(seconds=20, microseconds=123456), timedelta(seconds=20.123), id="CT-292 cut to milliseconds"
        ),
    ],
)
def test_a_deadline_is_kept_to_the_millisecond(sent: timedelta, kept: timedelta) -> None:
    assert created(dispatch_deadline=sent).dispatch_deadline == kept


@pytest.mark.parametrize(
    "ahead", [timedelta(days=29), timedelta(days=30)], ids=["CT-099 a day before", "CT-099 at the limit"]
)
def test_a_time_within_thirty_days_is_kept(ahead: timedelta) -> None:
    assert created(scheduled_at=NOW + ahead).scheduled_at == NOW + ahead


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_these_methods_may_have_a_body(method: str) -> None:
    """CT-103."""
    assert created(HttpRequest(url=URL, method=method, body=b"x")).request.body == b"x"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_the_other_methods_are_fine_without(method: str) -> None:
    """CT-103."""
    assert created(HttpRequest(url=URL, method=method)).request.method == method


def test_an_own_retry_config_takes_googles_defaults() -> None:
    """CT-295."""
    own = created(retry_config=replace(NOTHING_RETRY, max_attempts=3)).retry_config
    assert own == RetryConfig(max_attempts=3)
    assert created().retry_config is None


GOOGLE_URL = "https://tasks.googleapis.com/x"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"


@pytest.mark.parametrize(
    ("url", "sent", "kept"),
    [
        pytest.param(
            URL,
            OidcToken(service_account_email=EMAIL),
            OidcToken(service_account_email=EMAIL, audience=URL),
            id="CT-232 no audience",
        ),
        pytest.param(
            URL,
            OidcToken(service_account_email=EMAIL, audience="audience"),
            OidcToken(service_account_email=EMAIL, audience="audience"),
            id="CT-296 audience",
        ),
        pytest.param(
            GOOGLE_URL,
            OAuthToken(service_account_email=EMAIL),
            OAuthToken(service_account_email=EMAIL, scope=CLOUD),
            id="CT-234 no scope",
        ),
        pytest.param(
            GOOGLE_URL,
            OAuthToken(service_account_email=EMAIL, scope="scope"),
            OAuthToken(service_account_email=EMAIL, scope="scope"),
            id="CT-296 scope",
        ),
    ],
)
def test_a_token_gets_its_default_audience_or_scope(
    url: str, sent: OidcToken | OAuthToken, kept: OidcToken | OAuthToken
) -> None:
    request = created(HttpRequest(url=url, token=sent)).request
    assert isinstance(request, HttpRequest)
    assert request.token == kept


SCHEME = "HttpTarget.url must start with 'http://' or 'https://'."
BODY = "Body can only be set if the http_method is POST, PUT, or PATCH."
DEADLINE = "Task.dispatchDeadline must be between [15s, 30m]."
NO_EMAIL = "service_account_email must be set."
INVALID = "Request contains an invalid argument."
OAUTH_HOST = 'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"'
TOO_LONG = "HttpRequest.url must be at most 2083 characters long after encoding."
BIG_HEADERS = {f"X-{n:02}": "v" * 8184 for n in range(11)}


def oidc(email: str) -> HttpRequest:
    return HttpRequest(url=URL, token=OidcToken(service_account_email=email))


def oauth(url: str, email: str = EMAIL) -> HttpRequest:
    return HttpRequest(url=url, token=OAuthToken(service_account_email=email))


def with_body(method: str) -> HttpRequest:
    return HttpRequest(url=URL, method=method, body=b"x")


REFUSED_REQUESTS: list[Any] = [
    pytest.param(HttpRequest(url=""), "HttpRequest.url is required.", id="CT-093"),
    pytest.param(HttpRequest(url="worker.example.com/x"), SCHEME, id="CT-094 no scheme"),
    pytest.param(HttpRequest(url="ftp://worker.example.com/x"), SCHEME, id="CT-094"),
    pytest.param(HttpRequest(url="https://a/" + "x" * 2074), TOO_LONG, id="CT-096"),
    pytest.param(HttpRequest(url="https://a/" + "ü" * 346), TOO_LONG, id="CT-096 after encoding"),
    *[pytest.param(with_body(m), BODY, id=f"CT-103 {m}") for m in ("GET", "HEAD", "DELETE", "OPTIONS")],
    pytest.param(
        HttpRequest(url=URL, headers=BIG_HEADERS), "HttpRequest.headers must be at most 80KB in total.", id="CT-105"
    ),
    pytest.param(oidc(""), NO_EMAIL, id="CT-296a OIDC"),
    pytest.param(oauth(GOOGLE_URL, ""), NO_EMAIL, id="CT-296a OAuth"),
    *[
        pytest.param(oidc(email), INVALID, id=f"CT-296b {email}")
        for email in ("not-an-email", "tasks@", "@example.com", "tasks@a@example.com")
    ],
    pytest.param(oauth("https://example.com/x"), OAUTH_HOST, id="CT-296c another host"),
    pytest.param(oauth("https://example.com/?.googleapis.com"), OAUTH_HOST, id="CT-296c in the query"),
    pytest.param(oauth("https://[bad/.googleapis.com"), OAUTH_HOST, id="CT-296c no host"),
    pytest.param(oauth("https://googleapis.com/x"), OAUTH_HOST, id="CT-296d the bare domain"),
]


@pytest.mark.parametrize(("request_", "text"), REFUSED_REQUESTS)
def test_a_request_that_could_not_be_sent_is_refused(request_: HttpRequest, text: str) -> None:
    new = new_task(request_)
    before = repr(new)
    with pytest.raises(InvalidArgument) as refused:
        tasks.create(new, NAME, NOW)
    assert refused.value.message == text
    assert refused.value.details == ()
    assert repr(new) == before


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://example.com/%zz", id="CT-095 a broken escape"),
        pytest.param("https://a/" + "x" * 2073, id="CT-096 at the limit"),
        pytest.param("https://a/" + "ü" * 345, id="CT-096 at the limit after encoding"),
        pytest.param("https://a/?" + "%20&/=:" * 290, id="CT-096 is not encoded twice"),
        pytest.param("http://localhost:8000/x", id="CT-L4 this machine, without TLS"),
    ],
)
def test_a_url_is_kept_as_sent(url: str) -> None:
    request = created(HttpRequest(url=url)).request
    assert isinstance(request, HttpRequest)
    assert request.url == url


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param({"dispatch_deadline": timedelta(seconds=14)}, DEADLINE, id="CT-097 14 s"),
        pytest.param(
            {"dispatch_deadline": timedelta(seconds=14, microseconds=999999)}, DEADLINE, id="CT-097 a microsecond short"
        ),
        pytest.param({"dispatch_deadline": timedelta(seconds=1801)}, DEADLINE, id="CT-097 1801 s"),
        pytest.param({"dispatch_deadline": timedelta(0)}, DEADLINE, id="CT-097 0 s"),
        pytest.param({"dispatch_deadline": timedelta(seconds=-1)}, DEADLINE, id="CT-097 negative"),
        pytest.param(
            {"retry_config": replace(NOTHING_RETRY, max_attempts=-2)},
            "RetryConfig.maxAttempts must be greater or equal to -1.",
            id="CT-294 CT-040",
        ),
        pytest.param(
            {"retry_config": replace(NOTHING_RETRY, max_doublings=-1)},
            "RetryConfig.maxDoublings cannot be negative.",
            id="CT-294 CT-041",
        ),
        pytest.param(
            {"retry_config": replace(NOTHING_RETRY, min_backoff_ns=-5)},
            "RetryConfig.minBackoff cannot be negative.",
            id="CT-294 CT-042",
        ),
        pytest.param(
            {"retry_config": replace(NOTHING_RETRY, min_backoff_ns=2, max_backoff_ns=1)},
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
            id="CT-294 CT-043",
        ),
        pytest.param(
            {"retry_config": replace(NOTHING_RETRY, max_backoff_ns=-1)},
            "RetryConfig.maxBackoff cannot be negative.",
            id="CT-294 CT-247",
        ),
        pytest.param(
            {"retry_config": replace(NOTHING_RETRY, max_retry_duration_ns=-1)},
            "RetryConfig.max_retry_duration.seconds cannot be negative.",
            id="CT-294 CT-251",
        ),
        pytest.param(
            {"retry_config": replace(NOTHING_RETRY, max_retry_duration_ns=1)},
            "RetryConfig.max_retry_duration.nanos cannot be set.",
            id="CT-294 CT-252",
        ),
    ],
)
def test_a_setting_out_of_range_is_refused(given: dict[str, Any], text: str) -> None:
    new = new_task(**given)
    before = repr(new)
    with pytest.raises(InvalidArgument) as refused:
        tasks.create(new, NAME, NOW)
    assert refused.value.message == text
    assert refused.value.details == ()
    assert repr(new) == before


@pytest.mark.parametrize(
    ("when", "printed"),
    [
        (datetime(2100, 1, 1, tzinfo=UTC), "2099-12-31T16:00:00-08:00"),
        (datetime(2100, 7, 1, tzinfo=UTC), "2100-06-30T17:00:00-07:00"),
        (datetime(2100, 1, 1, 0, 0, 0, 500000, UTC), "2099-12-31T16:00:00.5-08:00"),
        (datetime(2100, 1, 1, 0, 0, 10, 1, UTC), "2099-12-31T16:00:10.000001-08:00"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T15:59:59-08:00"),
        (NOW + timedelta(days=30, microseconds=1), "2030-01-31T19:04:05.678902-08:00"),
    ],
)
def test_a_time_too_far_ahead_is_refused_in_pacific_time(when: datetime, printed: str) -> None:
    """CT-099, CT-246."""
    with pytest.raises(InvalidArgument) as refused:
        tasks.create(new_task(scheduled_at=when), NAME, NOW)
    assert refused.value.message == (
        f"The Task.scheduleTime, {printed}, is too far in the future. "
        "Schedule time must be no more than 720h in the future."
    )
    assert refused.value.details == ()


def kept_headers(sent: dict[str, str]) -> dict[str, str]:
    headers = dict(created(HttpRequest(url=URL, headers=sent)).request.headers)
    assert headers.pop("User-Agent") == "Google-Cloud-Tasks"
    return headers


DROPPED_NAMES = [
    "Host",
    "Content-Length",
    "Connection",
    "Keep-Alive",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "Accept-Encoding",
    "X-Forwarded-For",
    "From",
    "X-Google",
    "X-Google-Thing",
    "X-AppEngine-QueueName",
    "User-Agent",
]


@pytest.mark.parametrize("name", DROPPED_NAMES)
def test_reserved_headers_are_dropped_in_any_letter_case(name: str) -> None:
    """CT-249, CT-121."""
    sent = {name: "1", name.lower(): "2", name.upper(): "3", "X-Mine": "4"}
    assert kept_headers(sent) == {"X-Mine": "4"}


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Type",
        "Trailer",
        "X-Forwarded-Proto",
        "X-Goog-Thing",
        "X-Googles",
        "X-CloudTasks-TaskName",
        "X/Slash",
    ],
)
def test_other_headers_are_kept(name: str) -> None:
    """CT-249, CT-124, CT-289."""
    assert kept_headers({name: "v"}) == {name: "v"}


@pytest.mark.parametrize(
    "name", ["", "Bad Header", "X\tTab", "X:Colon", "X-Ü", "X\r\nEvil", "X\n", "X\x00", "X\x7f"], ids=ascii
)
def test_a_header_with_a_bad_name_is_dropped(name: str) -> None:
    """CT-289."""
    assert kept_headers({name: "v", "X-Mine": "4"}) == {"X-Mine": "4"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param("", None, id="CT-290 empty"),
        pytest.param("\x01", None, id="CT-290 control"),
        pytest.param("a\x7f", None, id="CT-290 delete"),
        pytest.param("ü", None, id="CT-290 not ASCII"),
        pytest.param(" ", " ", id="CT-290 a space"),
        pytest.param("a\tb", "a\tb", id="CT-290 a tab"),
        pytest.param("a\nb", "a_b", id="CT-291 LF"),
        pytest.param("a\r\nb", "a__b", id="CT-291 CR LF"),
        pytest.param("a\0b", "a", id="CT-291 NUL"),
        pytest.param("\0b", None, id="CT-291 NUL first"),
        pytest.param("a\x0b", None, id="CT-290 vertical tab"),
        pytest.param("v" * 8184, "v" * 8184, id="CT-105 8188"),
        pytest.param("v" * 8185, None, id="CT-105 8189"),
    ],
)
def test_a_header_value_is_kept_mended_or_dropped(sent: str, kept: str | None) -> None:
    assert kept_headers({"X-My": sent}) == ({} if kept is None else {"X-My": kept})


def test_headers_of_80_kilobytes_are_kept_and_one_byte_more_is_refused() -> None:
    """CT-105."""
    ten = dict(list(BIG_HEADERS.items())[:10])
    rest = 80 * 1024 - 10 * 8188
    assert len(kept_headers(ten | {"X-10": "v" * (rest - 4)})) == 11
    with pytest.raises(InvalidArgument):
        kept_headers(ten | {"X-10": "v" * (rest - 3)})


def test_dropped_headers_do_not_count_for_the_total() -> None:
    """CT-105."""
    ten = dict(list(BIG_HEADERS.items())[:10])
    assert kept_headers(ten | {"X-Long": "v" * 9000, "Host": "v" * 8000}) == ten


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5))
def test_no_header_that_is_kept_can_break_a_request_apart(sent: dict[str, str]) -> None:
    for name, value in kept_headers(sent).items():
        assert name.isascii()
        assert name.isprintable()
        assert not set(name) & set(" :")
        assert value.isascii()
        assert value.replace("\t", "").isprintable()
        assert value

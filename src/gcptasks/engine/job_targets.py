"""What a job may send or publish, and how that is kept until it is."""

import re
from collections.abc import Mapping
from dataclasses import replace

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.http import BODY_METHODS
from gcptasks.engine import app_engine, headers
from gcptasks.engine.job_limits import LONGEST_URL
from gcptasks.engine.job_model import JobTarget, PubsubMessage
from gcptasks.engine.model import AppEngineRequest, HttpRequest, OAuthToken, OidcToken, Token

USER_AGENT = "Google-Cloud-Scheduler"
OWN_PREFIX = "x-cloudscheduler"

_SCHEMES = ("http://", "https://")
_EMAIL = re.compile(r"[^@]+@[^@]+")
_TOPIC = re.compile(r"projects/([^/]+)/topics/[A-Za-z][A-Za-z0-9._~+%-]{0,254}")
_MAX_HEADERS = 80 * 1024
_CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def stored(sent: JobTarget | None, project: str) -> JobTarget:
    """The target as a job of that project keeps it; `InvalidArgument` if nothing could ever be sent."""
    match sent:
        case HttpRequest():
            return _http(sent)
        case AppEngineRequest():
            return _app_engine(sent)
        case PubsubMessage():
            return _pubsub(sent, project)
        case None:
            raise InvalidArgument("Job.target is not set: set http_target, pubsub_target or app_engine_http_target.")


def _http(sent: HttpRequest) -> HttpRequest:
    if not sent.url.startswith(_SCHEMES):
        raise InvalidArgument("HttpTarget.uri must start with 'http://' or 'https://'.")
    if len(sent.url) > LONGEST_URL:
        raise InvalidArgument(f"HttpTarget.uri must be at most {LONGEST_URL} characters long.")
    if sent.body and sent.method not in BODY_METHODS:
        raise InvalidArgument("Body can only be set if the http_method is POST, PUT, or PATCH.")
    return HttpRequest(
        url=sent.url,
        method=sent.method,
        headers=_headers(sent),
        body=sent.body,
        token=None if sent.token is None else _token(sent.token, sent.url),
    )


def _app_engine(sent: AppEngineRequest) -> AppEngineRequest:
    if sent.method in ("PATCH", "OPTIONS"):
        raise InvalidArgument("AppEngineHttpTarget.http_method must not be PATCH or OPTIONS.")
    return app_engine.stored(replace(sent, headers=_not_ours(sent.headers)), of="AppEngineHttpTarget")


def _headers(sent: HttpRequest) -> dict[str, str]:
    """What Google drops or replaces is dropped (CS-162), and its own name is put in (CS-029).

    `InvalidArgument` if they have 80 KB or more (CS-163).
    """
    own = _not_ours(sent.headers)
    if sum(len(name) + len(value) for name, value in own.items()) >= _MAX_HEADERS:
        raise InvalidArgument("HttpTarget.headers must be less than 80KB in total.")
    return headers.stored(own, USER_AGENT, of="HttpTarget")


def _not_ours(sent: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if not name.lower().startswith(OWN_PREFIX)}


def _token(token: Token, url: str) -> Token:
    """The token with its default audience (CS-167) or scope (CS-168) filled in."""
    email = token.service_account_email
    if not _EMAIL.fullmatch(email):
        raise InvalidArgument(f"service_account_email must be the email of a service account, not {email!r}.")
    if isinstance(token, OidcToken):
        return OidcToken(service_account_email=email, audience=token.audience or url)
    return OAuthToken(service_account_email=email, scope=token.scope or _CLOUD_SCOPE)


def _pubsub(sent: PubsubMessage, project: str) -> PubsubMessage:
    match = _TOPIC.fullmatch(sent.topic)
    if match is None:
        raise InvalidArgument(
            'Resource name should start with "/projects/<PROJECT_ID>/": PubsubTarget.topic_name must be '
            f'"projects/<PROJECT_ID>/topics/<TOPIC_ID>", not {sent.topic!r}.'
        )
    if match[1] != project:
        raise InvalidArgument(f"PubsubTarget.topic_name must be a topic of the job's project, {project}.")
    if not sent.data and not sent.attributes:
        raise InvalidArgument("PubsubTarget must have data or at least one attribute.")
    return sent

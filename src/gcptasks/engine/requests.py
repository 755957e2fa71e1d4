"""What may be sent, and how a request is kept until it is."""

import re
from urllib.parse import quote, urlsplit

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.http import BODY_METHODS
from gcptasks.engine import app_engine, headers
from gcptasks.engine.model import AppEngineRequest, HttpRequest, OAuthToken, OidcToken, Request, Token

_SCHEMES = ("http://", "https://")
_MAX_URL = 2083
# Characters that one becomes at most: three a byte.
_LONGEST_ASCII = 3
_LONGEST = 4 * _LONGEST_ASCII
_RESERVED = "%:/?#[]@!$&'()*+,;="
_EMAIL = re.compile(r"[^@]+@[^@]+")
_CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def stored(sent: Request, of_queue: Token | None = None) -> Request:
    """The request as the task keeps it, defaults filled in; `InvalidArgument` if it could never be sent.

    Over HTTP, with the token `of_queue` if there is one (CT-226).
    """
    if isinstance(sent, AppEngineRequest):
        return app_engine.stored(sent)
    _check_url(sent.url)
    if sent.body and sent.method not in BODY_METHODS:
        raise InvalidArgument("Body can only be set if the http_method is POST, PUT, or PATCH.")
    return HttpRequest(
        url=sent.url,
        method=sent.method,
        headers=headers.stored(sent.headers),
        body=sent.body,
        token=_stored_token(sent.token, of_queue, sent.url) if sent.token or of_queue else None,
    )


def _check_url(url: str) -> None:
    if not url:
        raise InvalidArgument("HttpRequest.url is required.")
    if not url.startswith(_SCHEMES):
        raise InvalidArgument("HttpTarget.url must start with 'http://' or 'https://'.")
    longest = _LONGEST_ASCII if url.isascii() else _LONGEST
    if len(url) * longest > _MAX_URL and len(_encoded(url)) > _MAX_URL:
        raise InvalidArgument(f"HttpRequest.url must be at most {_MAX_URL} characters long after encoding.")


def _encoded(url: str) -> str:
    return quote(url, safe=_RESERVED, errors="replace")


def check_email(token: Token) -> None:
    """Raise `InvalidArgument` unless the token is for an email (CT-296, CT-305)."""
    if not token.service_account_email:
        raise InvalidArgument("service_account_email must be set.")
    if not _EMAIL.fullmatch(token.service_account_email):
        raise InvalidArgument("Request contains an invalid argument.")


def filled(token: Token, url: str) -> Token:
    """The token with its default audience (CT-232) or scope (CT-234)."""
    email = token.service_account_email
    if isinstance(token, OidcToken):
        return OidcToken(service_account_email=email, audience=token.audience or url)
    return OAuthToken(service_account_email=email, scope=token.scope or _CLOUD_SCOPE)


def _stored_token(own: Token | None, of_queue: Token | None, url: str) -> Token:
    """The token that the task keeps: its own is checked even if the queue's takes its place (CT-306)."""
    if own is not None:
        check_email(own)
        _check_host(own, url)
    if of_queue is not None:
        _check_host(of_queue, url)
    token = of_queue or own
    assert token is not None
    return filled(token, url)


def _check_host(token: Token, url: str) -> None:
    """Raise `InvalidArgument` if the token is for Google's hosts alone, and the URL leads elsewhere (CT-296)."""
    if isinstance(token, OAuthToken) and not _host(url).endswith(".googleapis.com"):
        raise InvalidArgument(
            'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"'
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

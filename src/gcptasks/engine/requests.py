"""What may be sent, and how a request is kept until it is."""

import re
from urllib.parse import quote, urlsplit

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.http import BODY_METHODS
from gcptasks.engine import app_engine, headers
from gcptasks.engine.model import AppEngineRequest, HttpRequest, OAuthToken, OidcToken, Request, Token

_SCHEMES = ("http://", "https://")
_MAX_URL = 2083
_LONGEST_ENCODED = 12  # four bytes, three characters each
_RESERVED = "%:/?#[]@!$&'()*+,;="
_EMAIL = re.compile(r"[^@]+@[^@]+")
_CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def stored(sent: Request) -> Request:
    """The request as the task keeps it, defaults filled in; `InvalidArgument` if it could never be sent."""
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
        token=_stored_token(sent.token, sent.url) if sent.token else None,
    )


def _check_url(url: str) -> None:
    if not url:
        raise InvalidArgument("HttpRequest.url is required.")
    if not url.startswith(_SCHEMES):
        raise InvalidArgument("HttpTarget.url must start with 'http://' or 'https://'.")
    if len(url) * _LONGEST_ENCODED > _MAX_URL and len(_encoded(url)) > _MAX_URL:
        raise InvalidArgument(f"HttpRequest.url must be at most {_MAX_URL} characters long after encoding.")


def _encoded(url: str) -> str:
    return quote(url, safe=_RESERVED, errors="replace")


def _stored_token(token: Token, url: str) -> Token:
    """The token with its default audience (CT-232) or scope (CT-234) filled in.

    `InvalidArgument` if its email is not one, or if an OAuth token is for a host that is not Google's (CT-296).
    """
    email = token.service_account_email
    if not email:
        raise InvalidArgument("service_account_email must be set.")
    if not _EMAIL.fullmatch(email):
        raise InvalidArgument("Request contains an invalid argument.")
    if isinstance(token, OidcToken):
        return OidcToken(service_account_email=email, audience=token.audience or url)
    if not _host(url).endswith(".googleapis.com"):
        raise InvalidArgument(
            'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"'
        )
    return OAuthToken(service_account_email=email, scope=token.scope or _CLOUD_SCOPE)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

"""The token of a request as a message and back: each API has classes of its own for it, with the same members."""

from typing import Protocol

from gcptasks.engine.model import OAuthToken, OidcToken, Token


class _Oidc(Protocol):
    service_account_email: str
    audience: str

    def SetInParent(self) -> None: ...


class _OAuth(Protocol):
    service_account_email: str
    scope: str

    def SetInParent(self) -> None: ...


class Authorized(Protocol):
    """A message of any API with the oneof `authorization_header`."""

    @property
    def oidc_token(self) -> _Oidc: ...
    @property
    def oauth_token(self) -> _OAuth: ...
    def WhichOneof(self, oneof_group: str, /) -> str | None: ...


def token(message: Authorized) -> Token | None:
    """The token as sent; None if there is none."""
    match message.WhichOneof("authorization_header"):
        case "oidc_token":
            oidc = message.oidc_token
            return OidcToken(service_account_email=oidc.service_account_email, audience=oidc.audience)
        case "oauth_token":
            oauth = message.oauth_token
            return OAuthToken(service_account_email=oauth.service_account_email, scope=oauth.scope)
        case _:
            return None


def put_token(message: Authorized, token: Token | None) -> None:
    """Set the message's token, if there is one; there even if nothing is in it."""
    match token:
        case OidcToken(service_account_email=email, audience=audience):
            message.oidc_token.SetInParent()
            message.oidc_token.service_account_email = email
            message.oidc_token.audience = audience
        case OAuthToken(service_account_email=email, scope=scope):
            message.oauth_token.SetInParent()
            message.oauth_token.service_account_email = email
            message.oauth_token.scope = scope
        case None:
            pass

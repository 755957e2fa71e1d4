"""The token of a request, which a task or its queue may have, as messages and back."""

from gcptasks.engine.model import OAuthToken, OidcToken, Token
from gcptasks.wire.cloud_tasks import messages

Authorized = messages.HttpRequest | messages.HttpTarget
"""A message with the oneof `authorization_header`."""


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

"""What is posted to an issuer's endpoint, and the token in its answer.

RFC 6749 4.4 (client credentials), RFC 8693 (token exchange) and the form of RFC 7662 requests. A
body holds secrets: it goes to the one URL it is for and nowhere else.
"""

import base64
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from residency.core.identity.credentials import MAX_SIZE, ClientCredentials, is_jwt
from residency.core.identity.endpoint import ClientGrant, ExchangeGrant, Method, Parameters
from residency.core.identity.strict import json_object
from residency.errors import IdentityError

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
_JWT = "urn:ietf:params:oauth:token-type:jwt"

#: Error words that are told on (RFC 6749 5.2, RFC 8693 2.2.2, RFC 8707 2); any other text is not.
_ERRORS = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
    "unsupported_grant_type", "invalid_scope", "invalid_target", "access_denied",
})  # fmt: skip
#: Statuses with which an issuer says no. Any other one that is not 200 says nothing.
_REFUSING = frozenset({400, 401, 403})


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """A form to post, and the headers that go with it."""

    body: str
    headers: dict[str, str]


def form(parameters: Parameters, client: ClientCredentials | None, method: Method) -> Form:
    """*parameters* as a form in which *client* says who it is (RFC 6749, 2.3.1)."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    if client is not None and method == "client_secret_post":
        parameters += (("client_id", client.id), ("client_secret", client.secret))
    elif client is not None:
        # Both are form-encoded first, and only then made Basic: a colon in the id is no end of it.
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
    return Form(urlencode(parameters), headers)


def client_form(grant: ClientGrant, client: ClientCredentials) -> Form:
    """The request for a token for *client* (RFC 6749, 4.4.2)."""
    parameters = (("grant_type", "client_credentials"), *grant.parameters)
    return form(parameters, client, grant.endpoint.method)


def exchange_form(grant: ExchangeGrant, token: str, own: ClientCredentials | None) -> Form:
    """The request for a token in place of *token* (RFC 8693, 2.1)."""
    parameters = (
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", grant.subject_type),
        ("requested_token_type", _ACCESS),
        *grant.parameters,
    )
    return form(parameters, own, grant.endpoint.method)


def granted(status: int, text: str, *, refusal: str) -> str:
    """The access token in an issuer's answer (RFC 6749, 5.1; RFC 8693, 2.2.1). It is not verified.

    Args:
        status: The answer's HTTP status.
        text: Its body.
        refusal: The code of a refusal.

    Raises:
        IdentityError: *refusal* the issuer says no; ``identity-unavailable`` it says nothing that
            can be used. Of the answer's text nothing but a registered error word is told on.
    """
    if status in _REFUSING:
        raise IdentityError(refusal, f"the issuer says {_error(text) or f'no: status {status}'}")
    answer = answered(status, text)
    token, kind = answer.get("access_token"), answer.get("token_type")
    if not isinstance(token, str) or not isinstance(kind, str):
        raise unavailable("its answer has no access token")
    if kind.lower() not in ("bearer", "n_a"):
        raise IdentityError(refusal, "the issuer's token is not of the type Bearer")
    if answer.get("issued_token_type", _ACCESS) not in (_ACCESS, _JWT):
        raise IdentityError(refusal, "the issuer's token is no access token")
    if len(token) > MAX_SIZE or not is_jwt(token):
        raise IdentityError(refusal, "the issuer's access token is no JWT; have it make JWTs")
    return token


def answered(status: int, text: str) -> dict[str, object]:
    """The JSON object of a good answer.

    Raises:
        IdentityError: ``identity-unavailable``: there is none.
    """
    if status != 200:  # noqa: PLR2004
        raise unavailable(f"status {status}")
    try:
        return json_object(text)
    except ValueError:
        pass
    raise unavailable("its answer is not strict JSON")


def unavailable(detail: str) -> IdentityError:
    """The issuer could not be asked."""
    return IdentityError("identity-unavailable", f"the issuer cannot be asked: {detail}")


def _error(text: str) -> str | None:
    try:
        error = json_object(text).get("error")
    except ValueError:
        return None
    return error if isinstance(error, str) and error in _ERRORS else None

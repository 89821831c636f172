"""What an issuer says about itself, read as far as its keys' place (OpenID Connect Discovery 1.0)."""

from residency.core.identity.book import Issuer
from residency.core.identity.endpoint import Endpoint
from residency.core.identity.strict import json_object
from residency.core.identity.url import fault_of, is_loopback


def keys_url(text: str, issuer: Issuer) -> str:
    """The ``jwks_uri`` of the discovery document *text*.

    Raises:
        ValueError: *text* is not strict JSON, is another issuer's (section 4.3: the issuer MUST be
            exactly the one that was asked for), or names no place that keys may be fetched from.
    """
    document = json_object(text)
    url = document.get("jwks_uri")
    if document.get("issuer") != issuer.name or not isinstance(url, str):
        raise ValueError("the discovery document is another issuer's, or has no jwks_uri")
    # Plain http to this machine is for issuers that are on it, not for others to point at.
    if fault_of(url) or (is_loopback(url) and not is_loopback(issuer.keys.location)):
        raise ValueError("jwks_uri is no URL that keys may be fetched from")
    return url


def endpoint_url(text: str, issuer: str, endpoint: Endpoint) -> str:
    """The URL of *endpoint* in the discovery document *text* of *issuer*.

    Raises:
        ValueError: As ``keys_url``; or it is no URL that anything secret may be sent to.
    """
    document = json_object(text)
    url = document.get(endpoint.member)
    if document.get("issuer") != issuer or not isinstance(url, str):
        raise ValueError("the discovery document is another issuer's, or lacks the endpoint")
    if fault_of(url) or (is_loopback(url) and not is_loopback(endpoint.location)):
        raise ValueError("the endpoint is no URL that anything secret may be sent to")
    return url

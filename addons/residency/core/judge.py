"""One call judged from its parts, without a proxy: for ``residency explain`` and a policy's own tests.

The proxy's stages ask the same functions one after another.
"""

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from residency.core.body import Content, inspect_body, read_json
from residency.core.call import Head, Headers
from residency.core.framing import METHODS
from residency.core.identity import Caller
from residency.core.mask.sets import MaskSets
from residency.core.policy.decide import NEEDS_BODY, PENDING, Carrying, Decision, Inputs, decide
from residency.core.policy.rule import Policy
from residency.core.region.atlas import Atlas
from residency.core.region.destination import Destination
from residency.core.region.locate import NO_BODY, UNREADABLE, locate
from residency.core.region.locate import PENDING as BODY_PENDING
from residency.core.url import parse
from residency.errors import RegionError, Unread

#: The largest body that is read, after decoding, in bytes: the default of the option residency_read_limit.
DEFAULT_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What would be done with a call, and what it is made from."""

    decision: Decision
    destination: Destination
    carrying: Carrying


def head_from_url(method: str, url: str, headers: Headers = ()) -> Head:
    """The head of a request for *url*.

    Raises:
        RegionError: ``host-invalid`` or ``request-malformed``.
    """
    parts = parse(url)
    if parts.userinfo:
        raise RegionError("request-malformed", "a URL without user and password is needed")
    if method not in METHODS:
        raise RegionError(
            "request-malformed", "the method is not one of " + ", ".join(sorted(METHODS))
        )
    return Head(
        method=method,
        scheme=parts.scheme,
        host=parts.host,
        port=parts.port,
        path=parts.path,
        query=parts.query,
        headers=headers,
    )


def check_door(atlas: Atlas, head: Head, today: datetime.date) -> None:
    """Port and scheme: 443 and https, unless the organisation declared more in destinations.yaml.

    Raises:
        RegionError: ``port-refused`` or ``plaintext-refused``.
    """
    pin = atlas.pin(head.host, today)
    if head.scheme != "https" and not (pin and pin.plaintext):
        raise RegionError("plaintext-refused")
    if head.port not in open_ports(atlas, head.host, today):
        raise RegionError("port-refused")


def open_ports(atlas: Atlas, host: str, today: datetime.date) -> frozenset[int]:
    """The ports of *host* that may be called: what the organisation declared, else 443."""
    pin = atlas.pin(host, today)
    if pin is None:
        return frozenset({443})
    return pin.ports | ({80} if pin.plaintext else frozenset())


def judge(
    policy: Policy,
    atlas: Atlas,
    sets: MaskSets,
    caller: Caller | None,
    head: Head,
    raw: bytes,
    *,
    today: datetime.date,
    limit: int = DEFAULT_LIMIT,
    websocket: bool = False,
) -> Judgement:
    """What *policy* does with the call of *head* and *raw* on the day *today*. Never raises for any call.

    *websocket*: it is an opening handshake, whatever its headers are.
    """
    codings = [v for n, v in head.headers if n == "content-encoding"]
    destination = locate(atlas, head, BODY_PENDING, today=today)
    try:
        check_door(atlas, head, today)
        fault = None
    except RegionError as e:
        fault = e.code
    if destination.provisional or policy.reads_operations:
        destination = locate(atlas, head, _value(raw, codings, limit), today=today)
    inputs = Inputs(
        caller=caller,
        method=head.method,
        destination=destination,
        fault=fault,
        websocket=websocket,
    )
    decision = decide(policy, inputs, today)
    carrying = PENDING
    if decision is NEEDS_BODY:
        carrying = inspect_body(Content.of(raw, head), sets, policy.sets_asked_for, limit=limit)
        decision = decide(policy, dataclasses.replace(inputs, carrying=carrying), today)
    if not isinstance(decision, Decision):
        raise TypeError(
            "a decision needs no more than a body that was read"
        )  # decide's own promise
    return Judgement(decision=decision, destination=destination, carrying=carrying)


def _value(raw: bytes, codings: Sequence[str], limit: int) -> object:
    if not raw:
        return NO_BODY
    try:
        return read_json(raw, codings, limit=limit)
    except Unread:
        return UNREADABLE

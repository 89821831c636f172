"""A signed Assertion element → its values, each of which stands exactly once (SAML 2.0 Core, 2.3-2.7).

What the schema does not have at a place is refused, since a part that is not understood may be the
one that restricts.
"""

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from residency.core.saml.markup import SAML, text_of
from residency.errors import IdentityError

_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_STATEMENTS = ("AuthnStatement", "AttributeStatement", "AuthzDecisionStatement")
_CHILDREN = ("Issuer", "Subject", "Conditions", "Advice", *_STATEMENTS)
_CONDITIONS = ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A bearer's SubjectConfirmationData. Times are Unix time in whole seconds."""

    recipient: str | None
    begins: int | None
    ends: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """The values. Times are Unix time in whole seconds, beginnings rounded up and ends down.

    ``audiences`` has one set for each AudienceRestriction; ``qualifiers`` are NameID's
    NameQualifier, SPNameQualifier and Format; ``attributes`` values by name.
    """

    id: str
    issuer: str
    issued: int
    name: str | None
    qualifiers: tuple[str | None, str | None, str | None]
    confirmations: tuple[Confirmation, ...]
    begins: int | None
    ends: int | None
    audiences: tuple[frozenset[str], ...]
    one_time: bool
    session_ends: int | None
    attributes: dict[str, tuple[str, ...]]


def read(node: etree._Element) -> Assertion:
    """The values of *node*, which the provider signed.

    Raises:
        IdentityError: ``identity-assertion``: something is missing, stands twice or is not known.
    """
    _allow(node, _CHILDREN)
    if node.get("Version") != "2.0":
        raise refused("its version is not 2.0")
    subject, conditions = _one(node, "Subject"), _one(node, "Conditions")
    _allow(subject, ("NameID", "SubjectConfirmation"))
    _allow(conditions, _CONDITIONS)
    name = _at_most_one(subject, "NameID")
    qualifiers = ("NameQualifier", "SPNameQualifier", "Format")
    first, second, third = (name.get(q) if name is not None else None for q in qualifiers)
    sessions = [
        end
        for statement in node.findall(f"{SAML}AuthnStatement")
        if (end := _end(statement, "SessionNotOnOrAfter")) is not None
    ]
    issued = _start(node, "IssueInstant")
    if issued is None:
        raise refused("IssueInstant is missing")
    return Assertion(
        id=str(node.get("ID")),
        issuer=_text(_one(node, "Issuer")),
        issued=issued,
        name=_text(name) if name is not None else None,
        qualifiers=(first, second, third),
        confirmations=tuple(_confirmations(subject)),
        begins=_start(conditions, "NotBefore"),
        ends=_end(conditions, "NotOnOrAfter"),
        audiences=tuple(_audiences(r) for r in conditions.findall(f"{SAML}AudienceRestriction")),
        one_time=conditions.find(f"{SAML}OneTimeUse") is not None,
        session_ends=min(sessions, default=None),
        attributes=_attributes(node),
    )


def refused(detail: str) -> IdentityError:
    """``identity-assertion``, for *detail*."""
    return IdentityError("identity-assertion", f"the assertion: {detail}")


def _confirmations(subject: etree._Element) -> list[Confirmation]:
    found = []
    for node in subject.findall(f"{SAML}SubjectConfirmation"):
        if node.get("Method") != _BEARER:
            continue
        # A name of its own would be another one's, who acts for the subject (Core, 2.4.1.1).
        _allow(node, ("SubjectConfirmationData",))
        data = _one(node, "SubjectConfirmationData")
        begins, ends = _start(data, "NotBefore"), _end(data, "NotOnOrAfter")
        found.append(Confirmation(recipient=data.get("Recipient"), begins=begins, ends=ends))
    return found


def _audiences(restriction: etree._Element) -> frozenset[str]:
    _allow(restriction, ("Audience",))
    return frozenset(_text(a) for a in restriction)


def _attributes(node: etree._Element) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for statement in node.findall(f"{SAML}AttributeStatement"):
        _allow(statement, ("Attribute",))
        for attribute in statement:
            name = attribute.get("Name")
            if not name or name in found:
                raise refused("an attribute has no Name, or stands twice")
            # The value of an attribute that nobody asks for may have any shape.
            found[name] = tuple(_value(v) for v in attribute.findall(f"{SAML}AttributeValue"))
    return found


def _value(node: etree._Element) -> str:
    """The text; for nil and for what has elements in it, one that is no name of anything."""
    text = text_of(node)
    return "\0" if text is None or node.get(_NIL) in ("true", "1") else text


def _text(node: etree._Element) -> str:
    text = text_of(node)
    if text is None:
        raise refused("there are elements where there should be text")
    return text


def _allow(node: etree._Element, names: Sequence[str]) -> None:
    if any(child.tag not in {f"{SAML}{name}" for name in names} for child in node):
        raise refused("it has a part that is not known here")


def _one(node: etree._Element, name: str) -> etree._Element:
    found = _at_most_one(node, name)
    if found is None:
        raise refused(f"{name} is missing")
    return found


def _at_most_one(node: etree._Element, name: str) -> etree._Element | None:
    found = node.findall(f"{SAML}{name}")
    if len(found) > 1:
        raise refused(f"{name} stands more than once")
    return found[0] if found else None


def _start(node: etree._Element, name: str) -> int | None:
    moment = _time(node, name)
    return None if moment is None else math.ceil(moment)


def _end(node: etree._Element, name: str) -> int | None:
    moment = _time(node, name)
    return None if moment is None else math.floor(moment)


def _time(node: etree._Element, name: str) -> float | None:
    """Core, 1.3.3: UTC, without a zone of its own."""
    text = node.get(name)
    if text is None:
        return None
    if not _TIME.fullmatch(text):
        raise refused(f"{name} is not a time in UTC")
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    raise refused(f"{name} is not a time in UTC")

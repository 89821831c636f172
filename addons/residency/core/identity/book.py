"""Whom the gateway believes: the issuers of identity.yaml, and how strictly each is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from residency.core.document import Document, fit
from residency.core.faults import Faults
from residency.core.glob import compile_globs
from residency.core.identity.endpoint import Endpoints
from residency.core.identity.endpoint_file import check, endpoints
from residency.core.identity.file import IdentityFile, IssuerBlock
from residency.core.identity.keys import KeySet
from residency.core.identity.url import fault_of
from residency.errors import Fault

#: What a token is for: to call a function, or to rule on a held call.
type Purpose = Literal["call", "approve"]


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where an issuer's keys are: a path as written, a JWK set's URL, or the discovery URL."""

    kind: Literal["file", "url", "discovery"]
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer, and what a token of it must be. Times are in seconds.

    ``types`` are JOSE ``typ`` values in lower case without ``application/``; ``None`` among them
    means that it may be absent. ``groups`` is the path of claim names that leads to the groups.
    """

    name: str
    audiences: Mapping[Purpose, frozenset[str]]
    algorithms: frozenset[str]
    keys: KeySource
    groups: tuple[str, ...]
    types: frozenset[str | None]
    max_lifetime: int
    leeway: int
    subject: re.Pattern[str]
    endpoints: Endpoints = field(default_factory=Endpoints)


@dataclass(frozen=True, slots=True)
class IssuerBook:
    """Issuers by their exact names. The empty book believes nobody."""

    issuers: Mapping[str, Issuer]

    def files(self) -> list[str]:
        """The paths of all key files, as written, each once: what ``file_keys`` needs."""
        return list(
            dict.fromkeys(i.keys.location for i in self.issuers.values() if i.keys.kind == "file")
        )

    def file_keys(self, texts: Mapping[str, str], faults: Faults) -> dict[str, KeySet]:
        """The keys of every issuer whose keys are a file, by issuer.

        Args:
            texts: The text of each of ``files()``, by its path as written.
            faults: Takes a fault for each file that is missing, no JWK set, or without usable key.
        """
        found = {path: _read(path, texts.get(path), faults) for path in self.files()}
        return {
            issuer.name: keys
            for issuer in self.issuers.values()
            if issuer.keys.kind == "file" and (keys := found[issuer.keys.location])
        }


def parse(document: Document, faults: Faults) -> IssuerBook | None:
    """The book that *document* (identity.yaml) writes; ``None``, and faults, if it has any."""
    file = fit(document, IdentityFile, faults)
    if file is None:
        return None
    before = len(faults.found)
    seen: set[str] = set()
    for index, block in enumerate(file.issuers):
        path = ("issuers", index, "issuer")
        if block.issuer in seen:
            faults.add(document.fault(path, "this issuer a second time", "make one block of both"))
        seen.add(block.issuer)
        if block.keys.discovery and (fault := fault_of(block.issuer, query=False)):
            mend = "write the issuer's URL, or give keys as file or url"
            faults.add(document.fault(path, f"discovery needs a URL: {fault}", mend))
    check(file.issuers, document, faults)
    if len(faults.found) > before:
        return None
    return IssuerBook(
        {
            block.issuer: _issuer(block, endpoints(block, document, ("issuers", index)))
            for index, block in enumerate(file.issuers)
        }
    )


def _read(path: str, text: str | None, faults: Faults) -> KeySet | None:
    if text is None:
        faults.add(Fault(path, 0, 0, "", "the key file cannot be read", "correct its path"))
        return None
    try:
        keys = KeySet.parse(text)
    except ValueError as e:
        faults.add(Fault(path, 0, 0, "", f"not a JWK set: {e}", "write RFC 7517 JSON"))
        return None
    if not keys:
        mend = "use sig; RSA of 2048 bits or more, EC P-256, P-384 or P-521, or Ed25519"
        faults.add(Fault(path, 0, 0, "keys", "no key that may verify a signature", mend))
    return keys


def _issuer(block: IssuerBlock, asked: Endpoints) -> Issuer:
    audience = frozenset(block.audience)
    types = {t.lower().removeprefix("application/") for t in block.types}
    return Issuer(
        name=block.issuer,
        audiences={"call": audience, "approve": frozenset(block.approver_audience or ())},
        algorithms=frozenset(block.algorithms),
        keys=_source(block),
        groups=tuple(block.groups),
        types=frozenset(None if t == "absent" else t for t in types),
        max_lifetime=block.max_lifetime,
        leeway=block.leeway,
        subject=compile_globs([block.subject]),
        endpoints=asked,
    )


def _source(block: IssuerBlock) -> KeySource:
    if block.keys.file:
        return KeySource("file", block.keys.file)
    if block.keys.url:
        return KeySource("url", block.keys.url)
    # OpenID Connect Discovery 1.0, 4.1: a terminating slash goes before the path is appended.
    return KeySource(
        "discovery", block.issuer.removesuffix("/") + "/.well-known/openid-configuration"
    )

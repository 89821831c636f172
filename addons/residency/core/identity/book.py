"""Whom the gateway believes: the issuers of identity.yaml, and how strictly each is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from residency.core.document import Document, Path, fit
from residency.core.faults import Faults
from residency.core.glob import compile_globs
from residency.core.identity.authorities import (
    CertificateIssuer,
    certificate_issuers,
    check_authorities,
)
from residency.core.identity.endpoint import Endpoints
from residency.core.identity.endpoint_file import check, endpoints
from residency.core.identity.file import GroupsBlock, IdentityFile, IssuerBlock, path_of
from residency.core.identity.groups import GroupClaim, Table
from residency.core.identity.keys import KeySet
from residency.core.identity.require import SHARED, Requirement
from residency.core.identity.url import fault_of
from residency.errors import Fault

if TYPE_CHECKING:
    from residency.core.saml.settings import SamlSettings, Trust

#: What a token is for: to call a function, or to rule on a held call.
type Purpose = Literal["call", "approve"]


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where an issuer's keys are: a path as written, a JWK set's URL, the discovery URL, or this gateway."""

    kind: Literal["file", "url", "discovery", "own"]
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer, and what a token of it must be. Times are in seconds.

    ``types`` are JOSE ``typ`` values in lower case without ``application/``; ``None`` among them
    means that it may be absent. ``groups`` and ``subjects`` are what groups come from. ``spiffe``
    is the trust domain that every subject must be of, and by which tokens without ``iss`` are known.
    """

    name: str
    audiences: Mapping[Purpose, frozenset[str]]
    algorithms: frozenset[str]
    keys: KeySource
    groups: tuple[GroupClaim, ...]
    subjects: Table
    require: tuple[Requirement, ...]
    spiffe: str | None
    types: frozenset[str | None]
    max_lifetime: int
    leeway: int
    subject: re.Pattern[str]
    endpoints: Endpoints = field(default_factory=Endpoints)


@dataclass(frozen=True, slots=True)
class IssuerBook:
    """Issuers by their exact names, and of certificates. The empty book believes nobody.

    ``saml`` is the identity provider whose assertions count; the gateway itself then is an issuer too. ``unread`` has for
    each of ``files()`` what to say where it cannot be read, with its place in identity.yaml.
    """

    issuers: Mapping[str, Issuer]
    saml: "SamlSettings | None" = None
    certificates: tuple[CertificateIssuer, ...] = ()
    unread: Mapping[str, Fault] = field(default_factory=dict, compare=False, repr=False)

    @property
    def names(self) -> frozenset[str]:
        """Every issuer that a caller may have."""
        return frozenset({*self.issuers, *(c.name for c in self.certificates if not c.transport)})

    @property
    def trust_domains(self) -> dict[str, Issuer]:
        """The issuers of SPIFFE trust domains, by those."""
        return {i.spiffe: i for i in self.issuers.values() if i.spiffe}

    def files(self) -> list[str]:
        """The paths of all files of keys, authorities and metadata, as written, each once."""
        metadata = [self.saml.metadata] if self.saml else []
        authorities = [c.file for c in self.certificates]
        return list(dict.fromkeys([*self._key_files(), *authorities, *metadata]))

    def _key_files(self) -> list[str]:
        return [i.keys.location for i in self.issuers.values() if i.keys.kind == "file"]

    def file_keys(self, texts: Mapping[str, str], faults: Faults) -> dict[str, KeySet]:
        """The keys of every issuer whose keys are a file, by issuer.

        Args:
            texts: The text of each of ``files()``, by its path as written.
            faults: Takes a fault for each file that is missing, no JWK set, or without usable key,
                and those of authorities and metadata.
        """
        for path in self.files():
            if path not in texts:
                faults.add(self.unread.get(path) or _unread(path))
        found = {p: _read(p, texts[p], faults) for p in self._key_files() if p in texts}
        check_authorities([c for c in self.certificates if c.file in texts], texts, faults)
        if self.saml and self.saml.metadata in texts:
            self.trust(texts, faults)
        return {
            issuer.name: keys
            for issuer in self.issuers.values()
            if issuer.keys.kind == "file" and (keys := found.get(issuer.keys.location))
        }

    def trust(self, texts: Mapping[str, str], faults: Faults) -> "Trust | None":
        """Whose signatures of assertions count; ``None`` without ``saml``, and where there are faults."""
        if self.saml is None:
            return None
        from residency.core.saml import metadata

        path = self.saml.metadata
        return metadata.parse(texts.get(path), source=path, idp=self.saml.idp, faults=faults)


def parse(document: Document, faults: Faults) -> IssuerBook | None:
    """The book that *document* (identity.yaml) writes; ``None``, and faults, if it has any."""
    file = fit(document, IdentityFile, faults)
    if file is None:
        return None
    before, blocks = len(faults.found), file.issuers or []
    for index, block in enumerate(blocks):
        _judge(document, index, block, blocks[:index], faults)
    _judge_names(document, file, faults)
    check(blocks, document, faults)
    certificates = certificate_issuers(file.certificates, document, faults)
    if len(faults.found) > before:
        return None
    issuers = {
        block.issuer: _issuer(block, endpoints(block, document, ("issuers", index)))
        for index, block in enumerate(blocks)
    }
    unread = _places(document, file)
    if file.saml is None:
        return IssuerBook(issuers, None, certificates, unread)
    from residency.core.saml.settings import settings

    saml = settings(file.saml)
    return IssuerBook({**issuers, saml.gateway: _gateway(saml)}, saml, certificates, unread)


def _judge(
    document: Document, index: int, block: IssuerBlock, former: list[IssuerBlock], faults: Faults
) -> None:
    """What no block can see by itself, and what only an issuer's name tells."""
    at = ("issuers", index)

    def fault(key: str, message: str, mend: str) -> None:
        faults.add(document.fault((*at, key), message, mend))

    if any(block.issuer == other.issuer for other in former):
        fault("issuer", "this issuer a second time", "make one block of both")
    if block.spiffe and any(block.spiffe == other.spiffe for other in former):
        fault("spiffe", "this trust domain a second time", "make one block of both")
    if block.keys.discovery and (why := fault_of(block.issuer, query=False)):
        mend = "write the issuer's URL, or give keys as file or url"
        fault("issuer", f"discovery needs a URL: {why}", mend)
    if (
        block.issuer in SHARED
        and not block.require
        and any(not g.strip("*") for g in block.subject)
    ):
        mend = "add require or subject, so that only your own tenant's tokens count"
        fault("issuer", "this issuer signs tokens for anybody", mend)


def _judge_names(document: Document, file: IdentityFile, faults: Faults) -> None:
    """An issuer's name is one issuer's: rules and the ledger know callers by it and their subject alone."""
    names = {block.issuer for block in file.issuers or ()}
    if file.saml and file.saml.gateway in names:
        mend = "give the gateway a name of its own"
        faults.add(document.fault(("saml", "gateway"), "this is the name of an issuer", mend))
    names |= {file.saml.gateway} if file.saml else set()
    for index, certified in enumerate(file.certificates):
        if certified.name in names:
            where = ("certificates", index, "name")
            what = "this is the name of an issuer of tokens: a certificate's subject could pass for a token's"
            faults.add(document.fault(where, what, "give these certificates a name of their own"))


def _places(document: Document, file: IdentityFile) -> dict[str, Fault]:
    """What to say of each file that *file* names, where it cannot be read; where two name one, at the first."""
    keys = [
        (b.keys.file, ("issuers", n, "keys", "file")) for n, b in enumerate(file.issuers or ())
    ]
    authorities = [
        (b.authorities.file, ("certificates", n, "authorities", "file"))
        for n, b in enumerate(file.certificates)
    ]
    metadata = [(file.saml.metadata.file, ("saml", "metadata", "file"))] if file.saml else []
    named: list[tuple[str | None, Path]] = [*metadata, *reversed(authorities), *reversed(keys)]
    return {path: _unread(path, document, at) for path, at in named if path}


def _unread(path: str, document: Document | None = None, at: Path = ()) -> Fault:
    message, mend = f"the file {path} cannot be read", "correct its path, or put the file there"
    return document.fault(at, message, mend) if document else Fault(path, 0, 0, "", message, mend)


def _read(path: str, text: str, faults: Faults) -> KeySet | None:
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
        groups=tuple(map(_source_of_groups, block.groups)),
        subjects=Table.of(block.subjects or {}),
        require=tuple(_required(name, values) for name, values in (block.require or {}).items()),
        spiffe=block.spiffe,
        types=frozenset(None if t == "absent" else t for t in types),
        max_lifetime=block.max_lifetime,
        leeway=block.leeway,
        subject=compile_globs(block.subject),
        endpoints=asked,
    )


def _gateway(saml: "SamlSettings") -> Issuer:
    """The gateway as an issuer: of the tokens that it gives for assertions."""
    audience = frozenset({saml.gateway})
    return Issuer(
        name=saml.gateway,
        # PyJWT refuses every token where no audience is accepted.
        audiences={"call": audience, "approve": audience if saml.approvers else frozenset()},
        algorithms=frozenset({"ES256"}),
        keys=KeySource("own", ""),
        groups=(GroupClaim(path=("groups",), says="groups"),),
        subjects=Table(),
        require=(),
        spiffe=None,
        types=frozenset({"at+jwt"}),
        max_lifetime=saml.max_lifetime,
        leeway=0,
        subject=compile_globs(["*"]),
    )


def _source_of_groups(block: GroupsBlock) -> GroupClaim:
    plain = all("." not in name for name in block.claim)
    return GroupClaim(
        path=tuple(block.claim),
        says=("." if plain else " → ").join(block.claim),
        split={"space": " ", "comma": ",", None: None}[block.split],
        prefix=block.prefix,
        table=Table.of(block.map) if block.map is not None else None,
    )


def _required(name: str, values: list[str]) -> Requirement:
    return Requirement(tuple(path_of(name)), name, compile_globs(values))


def _source(block: IssuerBlock) -> KeySource:
    if block.keys.file:
        return KeySource("file", block.keys.file)
    if block.keys.url:
        return KeySource("url", block.keys.url)
    # OpenID Connect Discovery 1.0, 4.1: a terminating slash goes before the path is appended.
    return KeySource(
        "discovery", block.issuer.removesuffix("/") + "/.well-known/openid-configuration"
    )

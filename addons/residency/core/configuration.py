"""A rules folder as a whole: used as a whole, or refused as a whole with every fault at once."""

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from residency.core.document import Document, read
from residency.core.faults import Faults
from residency.core.identity import IssuerBook
from residency.core.identity import parse as parse_identity
from residency.core.mask.sets import MaskSets
from residency.core.mask.sets import parse as parse_sets
from residency.core.plain import digest
from residency.core.policy import cases
from residency.core.policy.file import parse as parse_policy
from residency.core.policy.rule import Policy
from residency.core.region.atlas import Atlas
from residency.core.region.atlas import parse as parse_atlas
from residency.core.signing import Role
from residency.core.signing.file import parse as parse_signing
from residency.errors import Fault

#: What a rules folder must, and may, have. Catalogue and places come with the package where it has none.
REQUIRED = ("policy.yaml", "identity.yaml", "masks.yaml")
OPTIONAL = ("destinations.yaml", "signing.yaml")
FOLDERS = ("catalogue", "places")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that decisions are made from.

    ``digest`` stands for the text of every file. ``jwks`` holds the texts of the files of keys, authorities and metadata
    that identity.yaml names, by their path as written.
    """

    policy: Policy
    sets: MaskSets
    atlas: Atlas
    identity: IssuerBook
    digest: str
    roles: tuple[Role, ...] = ()
    jwks: Mapping[str, str] = field(default_factory=dict)

    def trusting(self, texts: Mapping[str, str]) -> Self:
        """This configuration with *texts* as its ``jwks``: part of the digest, so that records tell which ones counted."""
        if not texts:
            return self
        # No rule file has a name like these.
        named = {f"identity.yaml: {path}": text for path, text in texts.items()}
        both = digest_of({"rules": self.digest, **named})
        policy = dataclasses.replace(self.policy, digest=both)
        return dataclasses.replace(self, policy=policy, digest=both, jwks=dict(texts))


def digest_of(sources: Mapping[str, str]) -> str:
    """The policy digest: SHA-256 over each file's name and SHA-256."""
    return digest(
        {
            name: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            for name, text in sources.items()
        }
    )


def parse(sources: Mapping[str, str], *, today: datetime.date) -> Configuration:
    """The configuration that *sources* (file name → text) write.

    Raises:
        ConfigurationError: with every fault.
    """
    faults = Faults()
    for name in REQUIRED:
        if name not in sources:
            faults.add(Fault(name, 0, 0, "", "is missing", "add the file"))
    documents = {name: read(text, name, faults) for name, text in sources.items()}
    unknown = [
        n for n in documents if n not in (*REQUIRED, *OPTIONAL) and n.split("/")[0] not in FOLDERS
    ]
    for name in unknown:
        faults.add(Fault(name, 0, 0, "", "is no file of a rules folder", "rename or move it"))
    atlas = parse_atlas(
        _below(documents, "places"),
        _below(documents, "catalogue"),
        documents.get("destinations.yaml"),
        faults,
    )
    sets = parse_sets(documents["masks.yaml"], faults) if "masks.yaml" in documents else None
    identity = (
        parse_identity(documents["identity.yaml"], faults)
        if "identity.yaml" in documents
        else None
    )
    signing = documents.get("signing.yaml")
    roles = parse_signing(signing, faults) if signing else ()
    policy = None
    if atlas and "policy.yaml" in documents:
        policy = _policy(
            documents["policy.yaml"],
            faults,
            atlas=atlas,
            sets=sets,
            identity=identity,
            roles=roles,
            digest_=digest_of(sources),
            today=today,
        )
    if policy and signing:
        _unused(policy, roles or (), signing, faults)
    faults.check()
    if policy is None or sets is None or atlas is None or identity is None:
        raise TypeError("a part without a value and without a fault")
    return Configuration(
        policy=policy,
        sets=sets,
        atlas=atlas,
        identity=identity,
        roles=roles or (),
        digest=policy.digest,
    )


def _unused(policy: Policy, roles: Sequence[Role], document: Document, faults: Faults) -> None:
    """Roles that no rule names: the gateway would hold credentials for nothing."""
    used = {rule.resign.name for rule in policy.rules if rule.resign}
    for i, role in enumerate(roles):
        if role.name not in used:
            mend = f"write resign: {role.name} into the rule that it is for, or remove it"
            faults.add(document.fault(("roles", i, "name"), "no rule names this role", mend))


def _below(documents: Mapping[str, Document], folder: str) -> list[Document]:
    return [d for name, d in sorted(documents.items()) if name.startswith(f"{folder}/")]


def _policy(
    document: Document,
    faults: Faults,
    *,
    atlas: Atlas,
    sets: MaskSets | None,
    identity: IssuerBook | None,
    roles: Sequence[Role] | None,
    digest_: str,
    today: datetime.date,
) -> Policy | None:
    before = len(faults.found)
    parsed = parse_policy(
        document,
        faults,
        jurisdictions=atlas.jurisdictions,
        sets=sets.names if sets is not None else None,
        digest=digest_,
        issuers=identity.names if identity is not None else None,
        functions=atlas.functions(),
        roles={role.name: role for role in roles} if roles is not None else None,
    )
    if parsed is None:
        return None
    policy, tests = parsed
    if sets is not None and len(faults.found) == before:
        cases.run(tests, document, faults, policy=policy, atlas=atlas, sets=sets, today=today)
    return policy


def expired(policy: Policy, document_name: str, today: datetime.date) -> list[Fault]:
    """Rules whose legal basis has run out.

    No reason to refuse a start, since they just stop matching, but one for ``residency check`` to fail.
    """
    return [
        Fault(
            document_name,
            0,
            0,
            f"rule {rule.id}",
            f"its basis ended on {rule.basis.until}",
            "renew it, or remove the rule",
        )
        for rule in policy.rules
        if rule.basis and rule.basis.expired(today)
    ]

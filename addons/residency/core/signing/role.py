"""As whom the gateway signs a call anew, and for whom: one ``role`` of ``signing.yaml``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from residency.core.glob import compile_globs
from residency.core.signing.signature import Signature

if TYPE_CHECKING:
    from residency.core.identity import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """``profile`` is the name of a profile in the operator's AWS configuration. ``keys``: ``None`` is any key's caller."""

    name: str
    profile: str
    groups: tuple[str, ...]
    services: tuple[str, ...]
    regions: tuple[str, ...]
    why: str = ""
    keys: tuple[str, ...] | None = None

    def refuses(self, caller: "Caller", signature: Signature | None) -> str | None:
        """Why a call of *caller* with *signature* is not signed anew; ``None`` if it is.

        ``signed-form``: its signature is none that can be made anew. ``signed-scope``: it is for another service or
        region than the host's. ``signed-role``: this role is not for that caller, service, region or key.
        """
        if signature is None or signature.problem:
            return f"signed-{signature.problem}" if signature else "signed-form"
        permitted = (
            not set(self.groups).isdisjoint(caller.groups)
            and signature.service in self.services
            and signature.region in self.regions
            and (self.keys is None or bool(compile_globs(self.keys).fullmatch(signature.key)))
        )
        return None if permitted else "signed-role"

"""Calls to AWS that their sender signed and masking changes: which may be signed anew, for whom, and as whom."""

from residency.core.signing.role import Role
from residency.core.signing.signature import Signature

__all__ = ["Role", "Signature"]

"""Every stage, in the one safe order."""

from residency.proxy.approve import ApproveAddon
from residency.proxy.audit import AuditAddon
from residency.proxy.hold import HoldAddon
from residency.proxy.identity import IdentityAddon
from residency.proxy.mask import MaskAddon
from residency.proxy.policy import PolicyAddon
from residency.proxy.region import RegionAddon
from residency.proxy.stage import Stage


def stages() -> list[Stage]:
    """The addons that ``addons/chain.py`` loads."""
    return [
        IdentityAddon(),
        RegionAddon(),
        PolicyAddon(),
        MaskAddon(),
        HoldAddon(),
        ApproveAddon(),
        AuditAddon(),
    ]

"""mitmdump -s addons/identity.py"""

from residency.proxy.identity import IdentityAddon

addons = [IdentityAddon()]

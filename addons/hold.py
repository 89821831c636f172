"""mitmdump -s addons/hold.py"""

from residency.proxy.hold import HoldAddon

addons = [HoldAddon()]

"""mitmdump -s addons/approve.py"""

from residency.proxy.approve import ApproveAddon

addons = [ApproveAddon()]

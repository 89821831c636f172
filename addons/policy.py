"""mitmdump -s addons/policy.py"""

from residency.proxy.policy import PolicyAddon

addons = [PolicyAddon()]

"""mitmdump -s addons/chain.py: every stage, in the one safe order."""

from residency.proxy.chain import stages

addons = stages()

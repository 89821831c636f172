"""The shells: one mitmproxy addon class a module, named as its script and its core.

``front`` (first in mitmproxy's chain) denies every flow; the stages each write one record through ``flowstate``; ``audit``,
the last, lifts the denial once the decision is in the ledger. ``runtime`` is what the stages of one proxy share; ``gate``
takes the chain over from the script loader and refuses unsafe options.
"""

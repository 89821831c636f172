"""The ``residency`` command: ask the rules, the ledger and a running gateway, from a terminal or a pipeline.

``main`` is the entry point, each other module one family of commands; ``options`` and ``output`` are what they share.
Whatever is slow to import is imported where it is used, so that ``--help`` is quick.
"""

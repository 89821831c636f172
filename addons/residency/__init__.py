"""Keep function calls inside the places where their data may be processed.

``errors`` ← ``core`` (pure) ← ``files`` (the one place that reads rule folders) ← ``proxy`` and
``cli``. Imports only go to the left.
"""

__version__ = "0.1.0"

"""What stays until the gateway ends is taken out of the collector's sight.

A full collection of Python's walks everything that mitmproxy, the rules and the catalogue are made of, on the event loop,
while every call waits. That is none of its business: they stay.
"""

import gc


def settle() -> None:
    """Collect once, and look at nothing that is alive now again until the next call of this.

    For when the gateway is about to open, and after a reload; what the former rules leave behind is collected here.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()

"""What stays until the gateway ends is taken out of the collector's sight.

mitmproxy, the rules and the catalogue are some 120,000 objects. A full collection of Python's walks them all, on the event
loop, while every call waits: 60 to 160 ms, some times a minute under load, which was the p99 of all calls. They
are none of its business, because they stay.
"""

import gc


def settle() -> None:
    """Collect once, and look at nothing that is alive now again until the next call of this.

    For when the gateway is about to open, and after a reload; what the former rules leave behind is collected here.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()

"""A detector of telephone numbers, by Google's libphonenumber in its Python form.

Only numbers that a country's numbering plan has (``Leniency.VALID``). Without a region of its own, ``phone`` finds what
is written internationally, with ``+`` and the country's code.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers

from residency.errors import Unread

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)

#: Runs in which a number may stand; the library is only asked about these, because its own search takes its time.
_RUN = re.compile(
    r"[+(]?[0-9](?:[ ()./\-]{0,4}[0-9]){4,}(?:[ ,;]{0,2}(?:ext\.?|x|#)[ .:]?[0-9]{1,7})?"
)
#: The library takes up to a quarter of a millisecond for each that it finds.
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Phone:
    """Telephone numbers; *region* says whose national spelling counts as well."""

    region: str | None = None
    kind: str = "phone"
    whole: bool = False

    @property
    def spec(self) -> str:
        return f"phone:{self.region}" if self.region else "phone"

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """As every detector.

        Raises:
            Unread: ``too-large``: more numbers than can be found in time.
        """
        if not self.region and "+" not in text:
            return
        many = 0
        for run in _RUN.finditer(text):
            part = run[0]
            if not (self.region or "+" in part):
                continue
            for found in phonenumbers.PhoneNumberMatcher(part, self.region, max_tries=len(part)):
                many += 1
                if many > _MOST:
                    raise Unread("too-large", f"more than {_MOST} telephone numbers")
                yield run.start() + found.start, run.start() + found.end

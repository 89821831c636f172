"""The shipped rules as an atlas, and one question to it, for every test about places."""

import datetime
import functools
from pathlib import Path

from residency.core.call import Head, Headers
from residency.core.document import Document, read
from residency.core.faults import Faults
from residency.core.region.atlas import Atlas, parse
from residency.core.region.destination import Destination
from residency.core.region.locate import PENDING, locate

RULES = Path(__file__).parent.parent / "rules"
TODAY = datetime.date(2026, 11, 22)


def _read(folder: str, faults: Faults) -> list[Document]:
    files = sorted((RULES / folder).glob("*.yaml"))
    return [read(f.read_text(encoding="utf-8"), f.name, faults) for f in files]


def build(destinations: str, catalogue: str | None = None) -> tuple[Atlas | None, Faults]:
    """The shipped places and catalogue (or *catalogue*) with these *destinations*, and the faults."""
    faults = Faults()
    entries = (
        _read("catalogue", faults)
        if catalogue is None
        else [read(catalogue, "catalogue.yaml", faults)]
    )
    pins = read(destinations, "destinations.yaml", faults)
    return parse(_read("places", faults), entries, pins, faults), faults


@functools.cache
def shipped() -> Atlas:
    atlas, faults = build((RULES / "destinations.yaml").read_text(encoding="utf-8"))
    faults.check()
    assert atlas
    return atlas


def ask(
    url: str,
    body: object = PENDING,
    *,
    atlas: Atlas | None = None,
    headers: Headers = (),
    today: datetime.date = TODAY,
) -> Destination:
    """*url* is ``host/path``, the host as it stands."""
    host, slash, path = url.partition("/")
    head = Head(
        method="POST",
        scheme="https",
        host=host,
        port=443,
        path=slash + path or "/",
        headers=headers,
    )
    return locate(atlas or shipped(), head, body, today=today)

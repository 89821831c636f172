"""What providers say afterwards about where calls ran: heard in passing, told in the outcome's record.

Answers stream on unchanged, byte for byte and at once; a witness gets to see them. Whatever goes wrong with it costs
the attestation and nothing else: what may leave was decided before.
"""

import logging
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mitmproxy import http

from residency.core.places import Places
from residency.core.plain import Plain
from residency.core.region.attest import Witness, drifts
from residency.proxy import flowstate
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import where
from residency.proxy.region import Located

if TYPE_CHECKING:
    from residency.proxy.runtime import Runtime

logger = logging.getLogger("residency.attest")

type Stream = Callable[[bytes], Iterable[bytes] | bytes]
#: mitmproxy's ``Response.stream``.
type Streaming = Stream | bool


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer's witness, and what was assumed of its call."""

    witness: Witness
    decision: str
    entry: str
    assumed: Places


class Attestations:
    """Those of one proxy. Drift is counted in ``Runtime.drift``."""

    def __init__(self) -> None:
        self._heard: weakref.WeakKeyDictionary[http.HTTPFlow, Heard] = weakref.WeakKeyDictionary()

    def listen(self, flow: http.HTTPFlow, runtime: "Runtime") -> None:
        """Let a witness hear the answer of *flow*, if the catalogue knows that it says something. Never raises."""
        try:
            heard = _witness(flow, runtime)
            if heard is None or flow.response is None:
                return
            self._heard[flow] = heard
            # An answer that masking keeps until it is whole must not stream; it is heard when it is.
            if heard.witness.listens and flow.response.stream is not False:
                flow.response.stream = tap(heard.witness, flow.response.stream)
        except Exception as e:  # noqa: BLE001 - the answer goes on
            logger.error("nobody hears the answer of %s: %s", flow.id, where(e))  # noqa: TRY400

    def take(self, flow: http.HTTPFlow) -> Heard | None:
        """What was heard of *flow*, or is in its answer, if that was kept; once. Never raises."""
        heard, response = self._heard.pop(flow, None), flow.response
        if heard and heard.witness.listens and response and response.stream is False:
            try:
                heard.witness.hear(response.raw_content or b"")
            except Exception as e:  # noqa: BLE001 - the outcome is written without it
                logger.error("a witness heard nothing: %s", where(e))  # noqa: TRY400
        return heard

    async def told(self, heard: Heard | None, runtime: "Runtime") -> dict[str, Plain]:
        """The fields that *heard* adds to the outcome's record: places and the entry's id, never a value.

        ``region_said`` where the provider said anything, and ``region_drift`` where that was not assumed. Never raises.
        """
        if heard is None:
            return {}
        try:
            said = await runtime.read(heard.witness.size, heard.witness.said)
        except Exception as e:  # noqa: BLE001 - the outcome is written without it
            logger.error("no attestation for %s: %s", heard.decision, where(e))  # noqa: TRY400
            return {}
        if said is None:
            return {}
        if not drifts(heard.assumed, said):
            return {"region_said": said.to_plain()}
        runtime.drift += 1
        logger.warning(
            "region drift: decision %s assumed %s, and its provider says %s (%s)",
            heard.decision,
            heard.assumed,
            said,
            heard.entry,
        )
        drift: dict[str, Plain] = {
            "assumed": heard.assumed.to_plain(),
            "said": said.to_plain(),
            "entry": heard.entry,
        }
        return {"region_said": said.to_plain(), "region_drift": drift}


def tap(witness: Witness, then: Streaming) -> Stream:
    """A stream as *then*, whose bytes *witness* hears before. A fault of the witness's own ends its hearing only."""
    hears = True

    def stream(chunk: bytes) -> Iterable[bytes] | bytes:
        nonlocal hears
        if hears:
            try:
                witness.hear(chunk)
            except Exception as e:  # noqa: BLE001 - the answer goes on
                hears = False
                logger.error("a witness heard no more: %s", where(e))  # noqa: TRY400
        return then(chunk) if callable(then) else chunk

    return stream


def _witness(flow: http.HTTPFlow, runtime: "Runtime") -> Heard | None:
    located, ticket = flowstate.find(flow, Located), flowstate.find(flow, Ticket)
    if located is None or ticket is None or flow.response is None:
        return None
    entry = located.destination.entry or ""
    sayings = runtime.configuration.atlas.says.get(entry, ())
    if not sayings:
        return None
    headers = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in flow.response.headers.fields
    )
    return Heard(Witness(sayings, headers), ticket.id, entry, located.destination.places)

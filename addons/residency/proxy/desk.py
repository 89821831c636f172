"""The approver's desk: the held calls of a running gateway in mitmproxy's console, and a key for each ruling.

It runs apart from the gateway, which has no console of its own: it is no stage, decides nothing and carries no traffic.
It asks the admin API each second, as the approver whose token stands in a file, and hands over that approver's rulings.

A ruling is on the call that the approver saw. A key binds the hold when it is pressed, before the reason is typed:
``@focus`` in a prepared command would be looked up after, when another call may stand there. One command rules on one
call, never on all that a filter matches.
"""

import asyncio
import logging
import re
from collections.abc import Coroutine
from collections.abc import Set as AbstractSet
from typing import Any, cast

from mitmproxy import addonmanager, command, ctx, exceptions
from mitmproxy.addons.view import View
from mitmproxy.log import ALERT
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from tornado import simple_httpclient

from residency.errors import GatewayError
from residency.proxy import options
from residency.proxy.deskboard import Board, summary
from residency.proxy.deskclient import MAX_ANSWER, Gateway, HeldCall, printable, url_fault
from residency.proxy.stage import Stage

logger = logging.getLogger("residency.desk")

POLL_SECONDS = 1.0
#: Yes and refuse. Both are free in mitmproxy 12.2's flow list and flow view; A, a, D and d are not, nor n and N, which
#: search in a flow's details without being in the key map.
KEYS = {"Y": ("approve", "Approve held call"), "R": ("deny", "Deny held call")}
_RULING = {True: "approval", False: "denial"}


class DeskAddon:
    """See the module."""

    name = "residency-desk"

    def __init__(self) -> None:
        self._board: Board | None = None
        self._http: simple_httpclient.SimpleAsyncHTTPClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._trouble = ""

    def load(self, loader: addonmanager.Loader) -> None:
        options.declare(loader)
        # Here too: a gateway that is up already takes the chain over, and ``running`` is then never called.
        if _beside_gateway():
            logger.error("residency desk does not start: %s", _BESIDE)

    def configure(self, updated: AbstractSet[str]) -> None:
        """Refuse what the desk cannot work with, once it works.

        Raises:
            OptionsError: with every reason.
        """
        if self._board is not None and updated & _OWN and (found := faults()):
            raise exceptions.OptionsError("; ".join(found))

    def running(self) -> None:
        """Start, or say every reason why not; mitmproxy ends with exit code 1 after an error at its start."""
        if found := faults():
            for fault in found:
                logger.error("residency desk does not start: %s", fault)
            return
        keymap = ctx.master.keymap  # type: ignore[attr-defined]  # ``faults`` made sure
        for key, (ruling, text) in KEYS.items():
            keymap.add(key, f"residency.ask {ruling} @focus", ["flowlist", "flowview"], text)
        self._board = Board(cast("View", ctx.master.addons.get("view")))
        self._http = simple_httpclient.SimpleAsyncHTTPClient(
            force_instance=True, max_body_size=MAX_ANSWER, max_buffer_size=MAX_ANSWER
        )
        self._start(self._poll())

    def done(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._board:
            self._board.clear()
        if self._http:
            self._http.close()

    def server_connect(self, data: ServerConnectionHookData) -> None:
        # A card looks like a request. Replaying one must not reach the target that its call is being held from.
        data.server.error = "the approver's desk makes no connections"

    # Commands

    @command.command("residency.approve")  # type: ignore[untyped-decorator]
    def approve(self, hold: str, reason: str) -> None:
        """Approve one held call, by hold id or @focus, once, for a reason."""
        self._start(self._rule(self._find(hold), reason, approve=True))

    @command.command("residency.deny")  # type: ignore[untyped-decorator]
    def deny(self, hold: str, reason: str) -> None:
        """Deny one held call, by hold id or @focus, for a reason."""
        self._start(self._rule(self._find(hold), reason, approve=False))

    @command.command("residency.ask")  # type: ignore[untyped-decorator]
    def ask(self, ruling: str, hold: str) -> None:
        """Ask for the reason of a ruling (approve or deny) on one held call, then give it."""
        if ruling not in ("approve", "deny"):
            raise exceptions.CommandError("the ruling is approve or deny")
        id_ = self._find(hold)
        held = self._board.get(id_) if self._board else None
        if held is None:
            raise exceptions.CommandError("no held call there")
        # Late: it brings urwid, which nothing else in a gateway needs.
        from mitmproxy.tools.console import signals

        def answered(reason: str) -> None:
            self._start(self._rule(id_, reason, approve=ruling == "approve"))

        signals.status_prompt.send(
            prompt=f"{ruling.capitalize()} {summary(held)}. Reason", text="", callback=answered
        )

    # What the commands and the clock do

    def _find(self, spec: str) -> str:
        """The id of the one hold that *spec* names.

        Raises:
            CommandError: It names none, or several.
        """
        if self._board is None:
            raise exceptions.CommandError("the desk does not run")
        if re.fullmatch(r"[0-9a-f]{32}", spec):
            return spec
        flows = ctx.master.commands.call("view.flows.resolve", spec)
        held = [h for f in flows if (h := self._board.hold(f.id))]
        if not held:
            raise exceptions.CommandError("no held call there")
        if len(held) > 1:
            raise exceptions.CommandError(f"{len(held)} held calls there: rule on one at a time")
        return held[0].id

    async def _rule(self, id_: str, reason: str, *, approve: bool) -> None:
        try:
            hold = await self._gateway().rule(id_, approve=approve, reason=reason)
        except GatewayError as e:
            # Without an answer it may have counted all the same; the list will show.
            logger.error("%s not confirmed: %s", _RULING[approve], e)  # noqa: TRY400
            return
        if self._board:
            self._board.update(hold)
        logger.log(ALERT, "%s of %s: the hold is %s", _RULING[approve], summary(hold), hold.state)

    async def _poll(self) -> None:
        while True:
            try:
                self._show(await self._gateway().holds())
            except GatewayError as e:
                self._doubt(str(e))
            except Exception as e:  # noqa: BLE001 - a desk that stands still would show what is no longer so
                self._doubt(f"{type(e).__name__} in the desk itself")
            await asyncio.sleep(POLL_SECONDS)

    def _show(self, holds: tuple[HeldCall, ...]) -> None:
        if self._trouble:
            self._trouble = ""
            logger.log(ALERT, "the gateway answers again")
        new = self._board.show(holds) if self._board else []
        if len(new) == 1:
            logger.log(ALERT, "held (Y approves, R denies): %s", summary(new[0]))
        elif new:
            logger.log(ALERT, "held (Y approves, R denies): %d new calls", len(new))

    def _doubt(self, why: str) -> None:
        if why != self._trouble:
            self._trouble = why
            logger.warning("%s; trying again", why)
        if self._board:
            self._board.doubt(why)

    def _gateway(self) -> Gateway:
        if self._http is None:
            raise GatewayError("the desk does not run")
        url, token_file = ctx.options.residency_gateway, ctx.options.residency_token_file
        return Gateway(self._http, url=url, token_file=token_file)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_OWN = frozenset({"server", "residency_gateway", "residency_token_file"})
_BESIDE = "it cannot share a process with the gateway; start it by itself"


def _beside_gateway() -> bool:
    return any(isinstance(a, Stage) for a in ctx.master.addons.lookup.values())


def faults() -> list[str]:
    """Why the desk cannot work as things are, one sentence each."""
    found = options.unknown(ctx.options)
    if not hasattr(ctx.master, "keymap") or ctx.master.addons.get("view") is None:
        found.append("it needs the console: start it with mitmproxy")
    if _beside_gateway():
        found.append(_BESIDE)
    if ctx.options.server:
        found.append("it is no proxy: add -n, so that nothing listens")
    if not ctx.options.residency_gateway:
        found.append(
            "option residency_gateway: names no gateway (--set residency_gateway=http://127.0.0.1:8090)"
        )
    elif fault := url_fault(ctx.options.residency_gateway):
        found.append(f"option residency_gateway: {printable(fault)}")
    if not ctx.options.residency_token_file:
        found.append(
            "option residency_token_file: names no file (--set residency_token_file=FILE with your token)"
        )
    return found

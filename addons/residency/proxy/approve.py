"""Rulings: from the mitmproxy console's prompt, and through the admin API. Both end in ``rule``."""

import logging
import time
from pathlib import Path

from mitmproxy import command, ctx, exceptions
from mitmproxy.log import ALERT

from residency.core.hold import Hold, Ruling
from residency.core.identity import Caller, UnknownKey
from residency.errors import ResidencyError
from residency.proxy.admin import Admin
from residency.proxy.stage import Stage

logger = logging.getLogger("residency.approve")


class ApproveAddon(Stage):
    """Sixth stage; it has no part in a call's way, it serves those who rule."""

    name = "residency-approve"
    order = 5

    async def open(self, address: str) -> None:
        """Start the admin API.

        Raises:
            ResidencyError: The address is not loopback, or is taken.
        """
        admin = Admin(self, address)
        admin.start()
        self.runtime.admin = admin

    async def approver(self, token: str) -> Caller:
        """Whom *token* proves, as an approver.

        Raises:
            IdentityError: as ``Verifier.verify``.
        """
        verifiers = self.runtime.verifiers
        try:
            return verifiers.tokens.verify(token, now=time.time(), audience="approve")
        except UnknownKey as e:
            await verifiers.keys.refresh(e.issuer)
            return self.runtime.verifiers.tokens.verify(token, now=time.time(), audience="approve")

    async def rule(self, id_: str, approver: Caller, *, approve: bool, reason: str) -> Hold:
        """Apply a ruling. It counts once it is in the ledger.

        Raises:
            HoldError: The ruling is not valid.
            LedgerError: It could not be recorded.
        """

        async def record(hold: Hold, ruling: Ruling) -> None:
            await self.runtime.ledger.append(
                "ruling",
                {
                    "hold": hold.id,
                    "decision": hold.decision,
                    "state": hold.state.value,
                    **ruling.to_plain(),
                },
            )

        return await self.runtime.holds.rule(
            id_, approver, approve=approve, reason=reason, record=record
        )

    def visible(self, approver: Caller) -> list[Hold]:
        return self.runtime.holds.visible(approver.groups)

    # Commands

    @command.command("residency.approve")  # type: ignore[untyped-decorator]
    def approve(self, hold: str, reason: str) -> None:
        """Approve a held call, by hold id or @focus, once, for a reason."""
        self._from_console(hold, reason, approve=True)

    @command.command("residency.deny")  # type: ignore[untyped-decorator]
    def deny(self, hold: str, reason: str) -> None:
        """Deny a held call, by hold id or @focus, for a reason."""
        self._from_console(hold, reason, approve=False)

    def _from_console(self, spec: str, reason: str, *, approve: bool) -> None:
        id_ = self._resolve(spec) if spec.startswith("@") else spec
        token = read_token(ctx.options.residency_token_file)
        self.runtime.background(self._rule_as(id_, token, reason, approve=approve))

    def _resolve(self, spec: str) -> str:
        """The one hold that *spec* leads to: a ruling is on one exact call."""
        flows = ctx.master.commands.call("view.flows.resolve", spec)
        ids = [
            self.runtime.holds.of_flow[f.id] for f in flows if f.id in self.runtime.holds.of_flow
        ]
        if len(ids) != 1:
            raise exceptions.CommandError(f"{len(ids)} held calls there, and a ruling is on one")
        return ids[0]

    async def _rule_as(self, id_: str, token: str, reason: str, *, approve: bool) -> None:
        word = "approved" if approve else "denied"
        try:
            approver = await self.approver(token)
            hold = await self.rule(id_, approver, approve=approve, reason=reason)
        except ResidencyError as e:
            logger.error("not %s: %s", word, e)  # noqa: TRY400
        else:
            logger.log(ALERT, "%s %s: the hold is %s", word, id_, hold.state)


def read_token(path: str) -> str:
    """The token in the file, read anew each time, since tokens are short-lived.

    Raises:
        CommandError: There is no file, or it is empty.
    """
    if not path:
        raise exceptions.CommandError("set residency_token_file to the file with your token")
    try:
        token = Path(path).expanduser().read_text(encoding="ascii").strip()
    except (OSError, ValueError) as e:
        raise exceptions.CommandError(f"residency_token_file: {type(e).__name__}") from e
    if not token:
        raise exceptions.CommandError("residency_token_file: the file is empty")
    return token

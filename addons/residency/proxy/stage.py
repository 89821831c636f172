"""What every stage of the gateway has in common, so that no one of them can be loaded and do nothing.

Loading any one stage declares the options, makes them safe and starts vetoing changes. When mitmproxy
reports that it runs, the first stage that hears of it has the gate take over; a chain that lacks a stage
does not start. The end of any stage ends the proxy: mitmproxy would otherwise go on without it.
"""

from collections.abc import Set as AbstractSet
from typing import ClassVar

from mitmproxy import addonmanager, ctx

from residency.proxy import gate, options
from residency.proxy.runtime import Runtime, runtime


class Stage:
    """Base of the addons. ``order`` is the stage's place in the chain."""

    name: ClassVar[str]
    order: ClassVar[int]

    @property
    def runtime(self) -> Runtime:
        return runtime(ctx.master)

    def load(self, loader: addonmanager.Loader) -> None:
        options.declare(loader)
        gate.close(ctx.master)

    def configure(self, updated: AbstractSet[str]) -> None:
        """Refuse unsafe values; mitmproxy then rolls the change back, or does not start.

        Raises:
            OptionsError: with every reason.
        """
        gate.veto(ctx.master, set(updated))

    async def running(self) -> None:
        await gate.take_over(ctx.master)

    def done(self) -> None:
        gate.end(ctx.master)

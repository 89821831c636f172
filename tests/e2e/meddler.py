"""A script that does to held flows what somebody at a console could do; ``X-Meddle`` says what.

It waits for the file that ``MEDDLE_GO`` names, and says when it is done.
"""

import asyncio
import os
from pathlib import Path

from mitmproxy import http


class Meddler:
    name = "meddler"

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def request(self, flow: http.HTTPFlow) -> None:
        task = asyncio.get_running_loop().create_task(self.meddle(flow))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def meddle(self, flow: http.HTTPFlow) -> None:
        trick = flow.request.headers.get("x-meddle", "")
        while not Path(os.environ["MEDDLE_GO"]).exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)
        if trick == "body":
            flow.request.content = b'{"model":"gpt-5","email":"exchanged"}'
        elif trick == "host":
            flow.request.headers["host"] = "us.api.openai.com"
            flow.request.data.host = "us.api.openai.com"
        elif trick == "header":
            flow.request.headers["x-data"] = "smuggled"
        elif trick == "resume":
            flow.intercept()
            flow.resume()
        print("meddled", flush=True)  # noqa: T201


addons = [Meddler()]

"""An issuer that answers, or takes requests and says nothing until it is told to answer again."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from scripts.lab.issuer import Issuer


class Moody(Issuer):
    """The lab's issuer with a token endpoint that knows no client. Answers from the start."""

    def __init__(self) -> None:
        self._answers = threading.Event()
        self._answers.set()
        super().__init__()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Answer nothing meanwhile; what was asked then is never answered."""
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answers = self._answers
        usual = super()._handler()

        class Handler(usual):  # type: ignore[misc, valid-type]
            def parse_request(self) -> bool:
                if not super().parse_request():
                    return False
                if not answers.is_set():
                    answers.wait()
                    self.close_connection = True
                    return False
                return True

            def do_POST(self) -> None:  # noqa: N802 - the library's name
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.dumps({"error": "invalid_client"}).encode()
                self.send_response(401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler

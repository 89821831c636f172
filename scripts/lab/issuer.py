"""A small OIDC issuer over HTTP on 127.0.0.1: discovery, keys, and tokens signed on the lab's side."""

import json
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "residency-gateway"
APPROVER_AUDIENCE = "residency-approvals"


class Issuer:
    """Runs in a thread from construction to ``stop``. ``url`` is its name, the tokens' ``iss``."""

    def __init__(self) -> None:
        self._keys: list[tuple[str, rsa.RSAPrivateKey]] = []
        self.rotate()
        #: Every token so far, to look for where none may be.
        self.issued: list[str] = []
        #: The paths that were asked for, in order.
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="lab-issuer", daemon=True).start()

    def token(
        self,
        subject: str,
        groups: Iterable[str],
        *,
        audience: str = AUDIENCE,
        lifetime: float = 600,
        **claims: Any,
    ) -> str:
        """A token of this issuer, signed with its newest key.

        Args:
            subject: Who it names.
            groups: The groups claim.
            audience: Whom it is for; approvers' tokens are for ``APPROVER_AUDIENCE``.
            lifetime: Seconds from now to its end; negative for one that has ended.
            **claims: Further claims, or others than the usual; ``...`` takes one away.
        """
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": audience,
            "sub": subject,
            "groups": list(groups),
            "iat": min(now, int(now + lifetime)) - 1,
            "exp": int(now + lifetime),
        }
        payload = {k: v for k, v in (usual | claims).items() if v is not ...}
        kid, key = self._keys[-1]
        self.issued.append(jwt.encode(payload, key, "RS256", {"kid": kid, "typ": "at+jwt"}))
        return self.issued[-1]

    @property
    def keys(self) -> dict[str, Any]:
        """Its JWK set, as it answers it."""
        return {"keys": [_public(kid, key) for kid, key in self._keys]}

    def rotate(self, *, keep: bool = True) -> None:
        """Sign with a new key from now on; the former ones stay in the key set if *keep*."""
        self._keys = self._keys if keep else []
        number = int(self._keys[-1][0].removeprefix("lab-")) + 1 if self._keys else 1
        self._keys.append((f"lab-{number}", rsa.generate_private_key(65537, 2048)))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _document(self, path: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}
        if path == "/jwks":
            return self.keys
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                document = issuer._document(self.path)
                body = json.dumps(document or {"error": "not found"}).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        return Handler


def _public(kid: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    jwk = dict(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))
    jwk.pop("key_ops", None)
    return jwk | {"kid": kid, "use": "sig", "alg": "RS256"}

"""A real OpenID provider, ``oidc-provider`` for node, as a process of its own on 127.0.0.1.

``installed()`` puts it into a cache folder by ``npm ci``, once for a lock file; without node and npm, or where no
registry can be reached, there is none, and ``Unavailable`` says why.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from scripts.lab.issuer import AUDIENCE

HERE = Path(__file__).with_name("oidc")
FILES = ("package.json", "package-lock.json", "server.js")
INSTALL_SECONDS = 120
NODE = 20

#: What tokens are asked for as (RFC 8707); the provider makes them for the gateway's audience.
RESOURCE = "https://gateway.test"

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unavailable(Exception):  # noqa: N818 - named as what is wrong
    """There is no provider on this machine; the text says why."""


def installed() -> Path:
    """The folder with the provider.

    Raises:
        Unavailable: node or npm is missing or too old, or the packages cannot be had.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise Unavailable("node and npm are needed for a real OpenID provider")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    if int(version.stdout.strip().lstrip("v").split(".")[0] or 0) < NODE:
        raise Unavailable(f"node {NODE} or newer is needed")
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mitmproxy-residency" / f"oidc-{digest[:16]}"
    if not folder.is_dir():
        _install(npm, folder)
    return folder


def _install(npm: str, folder: Path) -> None:
    """Beside the place first, and then there in one step: two that install at once do not meet."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        place = Path(work) / "oidc"
        place.mkdir()
        for name in FILES:
            shutil.copy(HERE / name, place / name)
        argv = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(
                argv, cwd=place, capture_output=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Unavailable("npm ci took too long") from None
        if done.returncode:
            raise Unavailable(f"npm ci failed with status {done.returncode}")
        try:
            place.rename(folder)
        except OSError:
            # Another was there first.
            if not folder.is_dir():
                raise


class Provider:
    """Runs from construction to ``stop``. ``url`` is its name, the tokens' ``iss``.

    Args:
        clients: By client id: ``secret``, ``groups`` and, if another than basic, ``method``; with ``exchanges`` it may
            exchange platforms' tokens (RFC 8693).
        platforms: By the ``iss`` of their tokens: ``audience`` and ``keys`` that these must have, and the ``groups`` of
            what they are exchanged for.
        lifetime: Of access tokens, in seconds.

    Raises:
        Unavailable: It cannot be had, or did not start.
    """

    def __init__(
        self,
        clients: Mapping[str, Mapping[str, Any]],
        *,
        platforms: Mapping[str, Mapping[str, Any]] | None = None,
        lifetime: int = 600,
    ) -> None:
        self._keys: list[dict[str, Any]] = []
        folder = installed()
        self._process = subprocess.Popen(
            ["node", "server.js"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told = {
            "clients": clients,
            "platforms": platforms or {},
            "audience": AUDIENCE,
            "lifetime": lifetime,
            "keys": self._rotated(keep=False),
        }
        try:
            self.url: str = self._tell(told)["issuer"]
        except BaseException:
            self.stop()
            raise

    def rotate(self, *, keep: bool = True) -> None:
        """Sign with a new key from now on; the former ones stay in the key set if *keep*."""
        self._tell(self._rotated(keep=keep))

    def post(self, path: str, client: tuple[str, str], **form: str) -> dict[str, Any]:
        """What the provider answers to *client*, at ``/token``, ``/token/introspection`` or ``/token/revocation``."""
        pair = ":".join(map(urllib.parse.quote_plus, client)).encode()
        headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        body = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.url + path, body, headers)  # noqa: S310 - loopback
        with _DIRECT.open(request, timeout=10) as answer:
            found = json.loads(answer.read() or b"{}")
        assert isinstance(found, dict)
        return found

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _tell(self, what: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Unavailable("the provider ended")
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def _rotated(self, *, keep: bool) -> dict[str, Any]:
        key = rsa.generate_private_key(65537, 2048)
        number = len(self._keys) + 1
        jwk = dict(RSAAlgorithm.to_jwk(key, as_dict=True))
        jwk.pop("key_ops", None)
        jwk |= {"kid": f"provider-{number}", "use": "sig", "alg": "RS256"}
        # The provider signs with the first key that fits.
        self._keys = [jwk, *(self._keys if keep else [])]
        return {"keys": self._keys}

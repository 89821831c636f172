"""Node's own fetch behind a proxy, with environment variables alone.

``fetch`` reads HTTPS_PROXY by itself where node knows NODE_USE_ENV_PROXY (22.21 and 24 on). Before, undici's
``EnvHttpProxyAgent`` does, from a module that NODE_OPTIONS imports: the service's own code stays as it is.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).with_name("undici")
FILES = ("package.json", "package-lock.json", "proxy.mjs")
SECONDS = 120


class Unavailable(Exception):  # noqa: N818 - named as what is wrong
    """Node's fetch cannot be tried here; the text says why."""


@functools.cache
def variables() -> dict[str, str]:
    """What node's fetch needs beside HTTPS_PROXY to look at it.

    Raises:
        Unavailable: There is no node, or no undici for it.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node:
        raise Unavailable("node is not installed")
    ask = "process.allowedNodeEnvironmentFlags.has('--use-env-proxy')"
    known = subprocess.run([node, "-p", ask], capture_output=True, text=True, check=False)
    if known.stdout.strip() == "true":
        return {"NODE_USE_ENV_PROXY": "1"}
    if not npm:
        raise Unavailable("npm is not installed, and this node's fetch knows no proxies")
    return {"NODE_OPTIONS": f"--import={_installed(npm) / 'proxy.mjs'}"}


def _installed(npm: str) -> Path:
    digest = hashlib.sha256(b"".join((HERE / n).read_bytes() for n in FILES)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mitmproxy-residency" / f"clients-{digest[:16]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the place first, and then there in one step: two that install at once do not meet.
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        place = Path(work) / "clients"
        place.mkdir()
        for name in FILES:
            shutil.copy(HERE / name, place / name)
        argv = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(
                argv, cwd=place, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Unavailable("npm ci took too long") from None
        if done.returncode:
            raise Unavailable(f"npm ci ended with status {done.returncode}")
        try:
            place.rename(folder)
        except OSError:
            # Another was there first.
            if not folder.is_dir():
                raise
    return folder

"""Node's own fetch behind a proxy, with environment variables alone.

``fetch`` reads HTTPS_PROXY by itself where node knows NODE_USE_ENV_PROXY (22.21 and 24 on). Before, undici's
``EnvHttpProxyAgent`` does, from a module that NODE_OPTIONS imports: the service's own code stays as it is.
"""

import functools
import shutil
import subprocess
from pathlib import Path

from scripts.lab import npm

HERE = Path(__file__).with_name("undici")
FILES = ("package.json", "package-lock.json", "proxy.mjs")


@functools.cache
def variables() -> dict[str, str]:
    """What node's fetch needs beside HTTPS_PROXY to look at it.

    Raises:
        Unavailable: There is no node, or no undici for it.
    """
    node, command = shutil.which("node"), shutil.which("npm")
    if not node:
        raise npm.Unavailable("node is not installed")
    ask = "process.allowedNodeEnvironmentFlags.has('--use-env-proxy')"
    known = subprocess.run([node, "-p", ask], capture_output=True, text=True, check=False)
    if known.stdout.strip() == "true":
        return {"NODE_USE_ENV_PROXY": "1"}
    if not command:
        raise npm.Unavailable("npm is not installed, and this node's fetch knows no proxies")
    return {
        "NODE_OPTIONS": f"--import={npm.installed(command, HERE, FILES, 'clients') / 'proxy.mjs'}"
    }

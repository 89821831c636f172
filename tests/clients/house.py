"""A lab in which every way of identity is open, and the ways that need more of it than a token of its issuer.

``WAYS`` here are those of ``identities`` and these: client credentials and an opaque token of a real OpenID provider, a
SAML assertion, what it is exchanged for, and a token inside TLS to the proxy itself. No environment variable gives a
client a certificate for its proxy, so that way is no row; ``tests/e2e/test_certificates.py`` has it.
"""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.lab.gateway import Gateway, clean_environment
from scripts.lab.issuer import AUDIENCE
from scripts.lab.provider import RESOURCE, Provider
from scripts.lab.world import Lab
from tests import saml

GROUP = "eu-services"
CLIENT, SECRET = "svc-eu", "s3cret-of-eu"
_CLIENTS = {
    CLIENT: {"secret": SECRET, "groups": [GROUP]},
    "gateway": {"secret": "gateway-secret", "groups": []},
}
_BLOCKS = """
  - issuer: {url}
    audience: {audience}
    algorithms: [RS256]
    types: [at+jwt]
    keys: {{discovery: true}}
    groups: groups
    client_credentials: {{clients: "svc-*", scope: jwt, resource: "{resource}"}}
    introspection: {{client_id: gateway, secret: {{env: LAB_SECRET}}}}
saml:
  idp: {idp}
  metadata: {{file: idp.xml}}
  gateway: {gateway}
  audience: urn:residency:gateway
  recipient: https://gateway.test/saml
"""

#: A token inside TLS to the proxy itself.
TLS = "JWT, https:// proxy"

#: Way → the user and the password of the proxy URL. The gateway is the one that the client will ask.
type Way = Callable[[Lab, Gateway, Provider], tuple[str, str]]


@contextlib.contextmanager
def house() -> Iterator[tuple[Lab, Provider]]:
    """The lab and its OpenID provider.

    Raises:
        Unavailable: There is no node, or no provider for it.
    """
    with Provider(_CLIENTS, lifetime=300) as provider:

        def edit(rules: Path) -> None:
            path = rules / "identity.yaml"
            blocks = _BLOCKS.format(
                url=provider.url, audience=AUDIENCE, resource=RESOURCE, idp=saml.IDP, gateway=saml.GATEWAY
            )  # fmt: skip
            path.write_text(path.read_text(encoding="utf-8") + blocks, encoding="utf-8")
            (rules / "idp.xml").write_text(saml.metadata(), encoding="utf-8")

        with Lab(edit=edit, env={"LAB_SECRET": "gateway-secret"}) as lab:
            yield lab, provider


def opaque(provider: Provider) -> str:
    answer = provider.post("/token", (CLIENT, SECRET),
        grant_type="client_credentials", scope="opaque", resource=RESOURCE)  # fmt: skip
    return str(answer["access_token"])


def assertion() -> str:
    now = time.time()
    return saml.encoded(saml.assertion(now=now, id_=f"_{time.monotonic_ns()}"))


def exchanged(gateway: Gateway) -> str:
    done = subprocess.run(
        ["curl", "--silent", "--max-time", "20", f"{gateway.admin_url}/saml",
         "-d", "grant_type=urn:ietf:params:oauth:grant-type:saml2-bearer",
         "--data-urlencode", f"assertion={assertion()}"],
        capture_output=True, check=True, env=clean_environment(),
    )  # fmt: skip
    return str(json.loads(done.stdout)["access_token"])


MORE: dict[str, Way] = {
    "CLIENT_ID:SECRET": lambda _lab, _gateway, _provider: (CLIENT, SECRET),
    "opaque token": lambda _lab, _gateway, provider: ("token", opaque(provider)),
    "SAML assertion as password": lambda _lab, _gateway, _provider: ("saml", assertion()),
    "token for a SAML assertion": lambda _lab, gateway, _provider: ("token", exchanged(gateway)),
    TLS: lambda lab, _gateway, _provider: ("token", lab.token(GROUP)),
}
#: The ways whose proxy URL begins with https://.
SECURE = frozenset({TLS})


def variables(way: str, lab: Lab, gateway: Gateway, provider: Provider) -> dict[str, str]:
    """The environment variables of *way*, one of ``MORE``."""
    user, password = MORE[way](lab, gateway, provider)
    scheme = "https" if way in SECURE else "http"
    url = f"{scheme}://{user}:{password}@127.0.0.1:{gateway.port}"
    return {"HTTPS_PROXY": url, "https_proxy": url}

"""An https:// proxy URL with a client certificate, by real clients through a real mitmdump."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.lab.gateway import clean_environment
from scripts.lab.world import Lab
from tests.certificates import Certified, dn
from tests.e2e.conftest import eventually, records
from tests.e2e.wire import Wire, read_head, request

HOST = "lambda.eu-central-1.amazonaws.com"
PATH = "/2015-03-31/functions/score-customer/invocations"
URL = f"https://{HOST}{PATH}"
NOW = time.time()
ROOT = Certified.root(NOW)
BETWEEN = ROOT.sign(now=NOW, name=dn(cn="Between"), ca=True)
MESH = Certified.root(NOW, "Mesh")
STRANGER = Certified.root(NOW, "Stranger")

BLOCKS = """\
certificates:
  - name: spiffe://example.org
    authorities: {file: authorities/root.pem}
    spiffe: {trust_domain: example.org}
    groups: {"spiffe://example.org/ns/prod/*": [eu-services]}
  - name: mesh
    authorities: {file: authorities/mesh.pem}
    transport: true
"""


def edit(rules: Path) -> None:
    (rules / "authorities").mkdir()
    (rules / "authorities/root.pem").write_text(ROOT.pem, encoding="utf-8")
    (rules / "authorities/mesh.pem").write_text(MESH.pem, encoding="utf-8")
    with (rules / "identity.yaml").open("a", encoding="utf-8") as file:
        file.write(BLOCKS)


@pytest.fixture(scope="module")
def mtls() -> Iterator[Lab]:
    with Lab(edit=edit) as found:
        yield found


class Client:
    """A program with a client certificate, or none."""

    def __init__(self, lab: Lab, shown: Certified | None, token: str = "") -> None:
        self.lab = lab
        self.token = token
        self.file = None
        if shown is not None:
            self.file = lab.folder / f"client-{shown.certificate.serial_number:x}.pem"
            self.file.touch(mode=0o600)
            self.file.write_bytes(shown.files())

    def context(self, **options: Any) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.lab.gateway.ca_file))
        if self.file:
            context.load_cert_chain(self.file)
        for name, value in options.items():
            setattr(context, name, value)
        return context

    def dial(self, context: ssl.SSLContext | None = None, session: Any = None, sni: str = "127.0.0.1") -> ssl.SSLSocket:  # fmt: skip
        sock = socket.create_connection(("127.0.0.1", self.lab.gateway.port), 30.0)
        context = context or self.context()
        context.check_hostname = False
        return context.wrap_socket(sock, server_hostname=sni, session=session)

    def curl(self, *more: str) -> int:
        """The status of the call, or of CONNECT where that was refused."""
        gateway = self.lab.gateway
        arguments = [
            "--proxy",
            f"https://127.0.0.1:{gateway.port}",
            "--proxy-cacert",
            str(gateway.ca_file),
        ]
        if self.file:
            arguments += ["--proxy-cert", str(self.file), "--proxy-key", str(self.file)]
        if self.token:
            arguments += ["--proxy-user", f"token:{self.token}"]
        done = subprocess.run(
            ["curl", "--silent", "--max-time", "20", "--cacert", str(gateway.ca_file), *arguments, *more,
             "--output", "/dev/null", "--write-out", "%{http_connect} %{http_code}", "--data", "{}", URL],
            stdout=subprocess.PIPE, cwd=self.lab.folder, env=clean_environment(), check=False,
        )  # fmt: skip
        connect, code = done.stdout.decode().split()
        return int(code) or int(connect)

    def connect(self, sock: ssl.SSLSocket, *headers: str, host: str = HOST) -> int:
        lines = [f"CONNECT {host}:443 HTTP/1.1", f"Host: {host}:443", *headers, "", ""]
        sock.sendall("\r\n".join(lines).encode())
        return read_head(sock).status


@pytest.fixture(autouse=True)
def _clear(mtls: Lab) -> None:
    mtls.upstream.clear()


def last(lab: Lab, count: int) -> dict[str, Any]:
    """The decision that came after *count* of them."""
    return eventually(lambda: records(lab.gateway)[count:])[-1]


def refused(client: Client) -> tuple[int, str]:
    """curl's status and the reason in the ledger; nothing went out."""
    before = len(records(client.lab.gateway))
    status = client.curl()
    assert client.lab.upstream.requests == []
    return status, last(client.lab, before)["code"]


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


# curl


@needs_curl
@pytest.mark.parametrize("by", [ROOT, BETWEEN], ids=["root", "intermediate"])
def test_a_certificate_is_enough(mtls: Lab, by: Certified) -> None:
    before = len(records(mtls.gateway))

    assert Client(mtls, by.sign(now=NOW)).curl() == 200

    assert len(mtls.upstream.requests) == 1
    assert "spiffe://example.org/ns/prod/sa/billing" in json.dumps(last(mtls, before))


@needs_curl
def test_without_certificate_and_token_nobody_is_known(mtls: Lab) -> None:
    assert refused(Client(mtls, None)) == (407, "identity-missing")


@needs_curl
@pytest.mark.parametrize(
    "shown",
    [
        STRANGER.sign(now=NOW),
        Certified(BETWEEN.sign(now=NOW).certificate, BETWEEN.sign(now=NOW).key),
        ROOT.sign(now=NOW, lasts=-60.0),
        ROOT.sign(now=NOW, uris=("spiffe://other.org/a",)),
    ],
    ids=["another authority", "no intermediate", "expired", "another trust domain"],
)
def test_a_certificate_that_is_not_good_is_refused(mtls: Lab, shown: Certified) -> None:
    assert refused(Client(mtls, shown)) == (407, "identity-certificate")


@needs_curl
def test_a_token_works_over_https_without_a_certificate(mtls: Lab) -> None:
    assert Client(mtls, None, mtls.token("eu-services")).curl() == 200


@needs_curl
def test_a_token_bound_to_the_certificate_works(mtls: Lab) -> None:
    shown = ROOT.sign(now=NOW)
    token = mtls.token("eu-services", cnf={"x5t#S256": shown.presented.thumbprint})

    assert Client(mtls, shown, token).curl() == 200


@needs_curl
def test_a_token_bound_to_a_certificate_that_no_authority_signed_works(mtls: Lab) -> None:
    """RFC 8705, 2.2: what binds is the key."""
    shown = STRANGER.sign(now=NOW)
    token = mtls.token("eu-services", cnf={"x5t#S256": shown.presented.thumbprint})

    assert Client(mtls, shown, token).curl() == 200


@needs_curl
@pytest.mark.parametrize(
    "shown", [None, ROOT.sign(now=NOW), MESH.sign(now=NOW)], ids=["none", "mine", "mesh"]
)
def test_a_stolen_bound_token_is_refused(mtls: Lab, shown: Certified | None) -> None:
    owner = ROOT.sign(now=NOW, uris=("spiffe://example.org/ns/prod/sa/owner",))
    token = mtls.token("eu-services", cnf={"x5t#S256": owner.presented.thumbprint})

    assert refused(Client(mtls, shown, token)) == (407, "identity-binding")


@needs_curl
def test_a_stolen_bound_token_is_refused_over_http_too(
    mtls: Lab,
) -> None:
    token = mtls.token("eu-services", cnf={"x5t#S256": ROOT.presented.thumbprint})
    client = Client(mtls, None, token)

    assert client.curl("--proxy", f"http://127.0.0.1:{mtls.gateway.port}") == 407
    assert mtls.upstream.requests == []


@needs_curl
@pytest.mark.parametrize(
    "shown", [ROOT.sign(now=NOW), STRANGER.sign(now=NOW)], ids=["good", "not good"]
)
def test_two_identities_are_refused(mtls: Lab, shown: Certified) -> None:
    client = Client(mtls, shown, mtls.token("eu-services"))

    assert refused(client) == (407, "identity-conflict")


@needs_curl
def test_a_certificate_as_transport_may_carry_a_token_but_names_nobody(mtls: Lab) -> None:
    assert Client(mtls, MESH.sign(now=NOW), mtls.token("eu-services")).curl() == 200
    mtls.upstream.clear()

    assert refused(Client(mtls, MESH.sign(now=NOW))) == (407, "identity-missing")


# Raw clients


class Inner:
    """TLS to the target inside the TLS to the proxy, which Python's sockets cannot do by themselves."""

    def __init__(
        self, client: Client, sock: ssl.SSLSocket, context: ssl.SSLContext | None = None
    ) -> None:
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or Client(client.lab, None).context()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=HOST)
        self._pump(self.tls.do_handshake)

    def status(self, *headers: str) -> int:
        """The status of one call, its body read."""
        self._pump(lambda: self.tls.write(request(HOST, PATH, b"{}", *headers)))
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._pump(lambda: self.tls.read(65536))
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(body) < int(length[1]):
            body += self._pump(lambda: self.tls.read(65536))
        return int(head.split()[1])

    def _pump(self, act: Callable[[], Any]) -> Any:
        while True:
            try:
                found = act()
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError from None
                self.incoming.write(data)
            else:
                self.sock.sendall(self.outgoing.read())
                return found


def test_the_inner_handshake_does_not_take_the_callers_certificate_away(mtls: Lab) -> None:
    client = Client(mtls, ROOT.sign(now=NOW))
    with client.dial() as sock:
        assert client.connect(sock) == 200
        assert Inner(client, sock).status() == 200


def test_the_inner_handshake_cannot_put_another_certificate_in_its_place(mtls: Lab) -> None:
    client = Client(mtls, ROOT.sign(now=NOW))
    other = Client(mtls, ROOT.sign(now=NOW, uris=("spiffe://example.org/ns/prod/sa/other",)))
    before = len(records(mtls.gateway))
    with client.dial() as sock:
        assert client.connect(sock) == 200
        assert Inner(client, sock, other.context()).status() == 200
    assert last(mtls, before)["caller"]["subject"].endswith("/billing")


def test_a_token_inside_a_certificates_tunnel_is_another_caller(mtls: Lab) -> None:
    client = Client(mtls, ROOT.sign(now=NOW))
    with client.dial() as sock:
        assert client.connect(sock) == 200
        proof = f"Proxy-Authorization: Bearer {mtls.token('eu-services')}"
        assert Inner(client, sock).status(proof) == 407
    assert mtls.upstream.requests == []


def test_inside_the_tunnel_no_certificate_is_asked_for(mtls: Lab) -> None:
    """A service's certificate for its target is not for the gateway to have."""
    wire = Wire(mtls.gateway.port, mtls.gateway.ca_file, mtls.token("eu-services"))
    context = Client(mtls, ROOT.sign(now=NOW)).context(maximum_version=ssl.TLSVersion.TLSv1_2)
    context.check_hostname = False
    seen: list[str] = []
    context._msg_callback = lambda *m: seen.append(m[4].name)  # type: ignore[attr-defined]
    with context.wrap_socket(wire.tunnel(HOST), server_hostname=HOST):
        assert "SERVER_HELLO" in seen
    assert "CERTIFICATE_REQUEST" not in seen


def test_a_broken_certificate_before_a_strangers_good_one_is_not_the_stranger(mtls: Lab) -> None:
    """mitmproxy leaves what it cannot parse out of the list, and the victim's would move up."""
    victim = ROOT.sign(now=NOW)
    mine = STRANGER.sign(now=NOW)
    date = mine.certificate.not_valid_after_utc.strftime("%y%m%d%H%M%SZ").encode()
    assert date in mine.der
    broken = mine.der.replace(date, b"999999999999Z")
    client = Client(mtls, None)
    client.file = mtls.folder / "broken.pem"
    client.file.write_bytes(
        mine.files().split(b"-----BEGIN CERT")[0]
        + ssl.DER_cert_to_PEM_cert(broken).encode()
        + victim.pem.encode()
    )
    before = len(records(mtls.gateway))
    with client.dial() as sock:
        assert client.connect(sock) == 407
    assert last(mtls, before)["code"] == "identity-certificate"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_would_resume_its_session_is_served_and_proves_itself_anew(
    mtls: Lab, version: ssl.TLSVersion
) -> None:
    client = Client(mtls, BETWEEN.sign(now=NOW))
    context = client.context(minimum_version=version, maximum_version=version)
    with client.dial(context) as sock:
        assert client.connect(sock) == 200
        assert Inner(client, sock).status() == 200
        session = sock.session
    with client.dial(context, session) as sock:
        assert not sock.session_reused
        assert client.connect(sock) == 200
        assert Inner(client, sock).status() == 200


def test_http2_is_not_spoken_with_the_proxy_itself(mtls: Lab) -> None:
    """Many CONNECTs of one connection would share one caller."""
    client = Client(mtls, ROOT.sign(now=NOW))
    context = client.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with client.dial(context) as sock:
        assert sock.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    with client.dial(context) as sock:
        assert sock.selected_alpn_protocol() is None


def test_plain_http_in_a_tunnel_through_tls_is_still_plain_http(mtls: Lab) -> None:
    """The outer TLS, with the target's name in it, must not pass for the target's."""
    client = Client(mtls, ROOT.sign(now=NOW))
    before = len(records(mtls.gateway))
    with client.dial(sni=HOST) as sock:
        assert client.connect(sock) == 200
        sock.sendall(request(HOST, PATH, b"{}"))
        assert read_head(sock).status in (0, 451)
    assert mtls.upstream.requests == []
    assert last(mtls, before)["code"] in ("plaintext-refused", "host-mismatch")


def test_a_request_without_a_tunnel_has_the_certificates_caller(mtls: Lab) -> None:
    client = Client(mtls, ROOT.sign(now=NOW))
    with client.dial() as sock:
        sock.sendall(
            request(
                "functions.private.example.com", "http://functions.private.example.com/x", b"{}"
            )
        )
        assert read_head(sock).status == 451  # known, and plain HTTP is not open


def test_httpx_with_a_certificate_for_the_proxy(mtls: Lab) -> None:
    client = Client(mtls, ROOT.sign(now=NOW))
    proxy = httpx.Proxy(f"https://127.0.0.1:{mtls.gateway.port}", ssl_context=client.context())
    trust = ssl.create_default_context(cafile=str(mtls.gateway.ca_file))
    with httpx.Client(proxy=proxy, verify=trust, trust_env=False) as http:
        assert http.post(URL, json={}).status_code == 200


# Later


def test_an_authority_that_is_removed_ends_its_callers_next_call(mtls: Lab) -> None:
    client = Client(mtls, ROOT.sign(now=NOW))
    path = mtls.rules / "authorities/root.pem"
    with client.dial() as sock:
        assert client.connect(sock) == 200
        tunnel = Inner(client, sock)

        assert tunnel.status() == 200
        path.write_text(STRANGER.pem, encoding="utf-8")
        try:
            eventually(lambda: tunnel.status() == 407, seconds=60)
        finally:
            path.write_text(ROOT.pem, encoding="utf-8")
    eventually(lambda: Client(mtls, ROOT.sign(now=NOW)).curl() == 200, seconds=60)


def test_a_certificate_that_ends_in_its_tunnel_is_refused(mtls: Lab) -> None:
    client = Client(mtls, ROOT.sign(now=time.time(), lasts=4.0))
    with client.dial() as sock:
        assert client.connect(sock) == 200
        time.sleep(4)
        assert Inner(client, sock).status() == 407
    assert mtls.upstream.requests == []


def test_nothing_of_a_token_or_key_is_printed(mtls: Lab) -> None:
    out = mtls.gateway.output()

    assert not [t for t in mtls.issuer.issued if t.split(".")[2][:20] in out]
    assert "PRIVATE" not in out
    assert "Traceback" not in out


# Nobody but certificates


def alone(rules: Path) -> None:
    (rules / "identity.yaml").write_text("version: 1\n", encoding="utf-8")
    edit(rules)


@needs_curl
def test_a_gateway_that_knows_certificates_alone_serves_them_and_nobody_else() -> None:
    with Lab(edit=alone) as lab:
        assert Client(lab, ROOT.sign(now=NOW)).curl() == 200
        assert last(lab, 0)["caller"]["issuer"] == "spiffe://example.org"
        lab.upstream.clear()

        assert refused(Client(lab, None, lab.token("eu-services"))) == (407, "identity-issuer")
        assert refused(Client(lab, None)) == (407, "identity-missing")

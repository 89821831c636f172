"""Clients that send exactly the bytes they are told to, well formed or not."""

import base64
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events

#: Far more than anything takes that works, far less than a call is held.
TIMEOUT = 30.0


@dataclass
class Answer:
    """What came back; status 0: the connection was closed without an answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Wire:
    """Reaches the gateway at *port* on loopback."""

    def __init__(self, port: int, ca_file: Path, token: str | None) -> None:
        self.port = port
        self.ca_file = ca_file
        self.token = token

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT)

    def authorization(self) -> str:
        if self.token is None:
            return ""
        basic = base64.b64encode(f"{self.token}:".encode()).decode()
        return f"Proxy-Authorization: Basic {basic}\r\n"

    def tunnel(self, host: str, port: int = 443) -> socket.socket:
        """A tunnel to *host*; whatever the gateway answers but 200 is an error."""
        sock = self.dial()
        sock.sendall(
            f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{self.authorization()}\r\n".encode()
        )
        answer = read_head(sock)
        if answer.status != 200:
            sock.close()
            raise ConnectionError(f"CONNECT answered {answer.status}")
        return sock

    def tls(
        self,
        host: str,
        *,
        sni: str | None = "",
        port: int = 443,
        alpn: tuple[str, ...] = ("http/1.1",),
    ) -> ssl.SSLSocket:
        """TLS inside a tunnel to *host*; *sni* is another name to ask for, ``None`` for none at all."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.check_hostname = False
        context.set_alpn_protocols(list(alpn))
        name = host if sni == "" else sni
        sock = self.tunnel(host, port)
        try:
            return context.wrap_socket(sock, server_hostname=name)
        except OSError:
            sock.close()
            raise

    def send(self, host: str, raw: bytes, *, sni: str | None = "", port: int = 443) -> Answer:
        """One raw HTTP/1 request through a tunnel."""
        with self.tls(host, sni=sni, port=port) as sock:
            sock.sendall(raw)
            return read(sock)

    def post(self, host: str, path: str, body: bytes, *extra: str, method: str = "POST") -> Answer:
        """One well-formed HTTP/1 request with a body."""
        return self.send(host, request(host, path, body, *extra, method=method))

    def h2(
        self, host: str, path: str, body: bytes, *, authority: str | None = None, length: bool = True,
        trailers: bool = False,
    ) -> Answer:  # fmt: skip
        """One HTTP/2 request, with or without a content-length."""
        with self.tls(host, alpn=("h2",)) as sock:
            assert sock.selected_alpn_protocol() == "h2"
            config = h2.config.H2Configuration(
                client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False
            )
            conn = h2.connection.H2Connection(config=config)
            conn.initiate_connection()
            headers = [
                (":method", "POST"), (":scheme", "https"), (":authority", authority or host), (":path", path),
                ("content-type", "application/json"),
            ]  # fmt: skip
            if length:
                headers.append(("content-length", str(len(body))))
            conn.send_headers(1, headers)
            conn.send_data(1, body, end_stream=not trailers)
            if trailers:
                conn.send_headers(1, [("x-secret", "trailer")], end_stream=True)
            sock.sendall(conn.data_to_send())
            return _h2_answer(sock, conn)


def request(host: str, path: str, body: bytes, *extra: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json", *extra, "", ""]
    return "\r\n".join(lines).encode() + body


def _h2_answer(sock: ssl.SSLSocket, conn: h2.connection.H2Connection) -> Answer:
    answer = Answer()
    while True:
        try:
            data = sock.recv(65535)
        except OSError:
            return answer
        if not data:
            return answer
        for event in conn.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                got = {n.decode(): v.decode() for n, v in event.headers or []}
                answer.status = int(got[":status"])
                answer.headers = got
            elif isinstance(event, h2.events.DataReceived):
                answer.body += event.data or b""
            elif isinstance(
                event,
                h2.events.StreamEnded | h2.events.StreamReset | h2.events.ConnectionTerminated,
            ):
                return answer
        sock.sendall(conn.data_to_send())


def read_head(sock: socket.socket) -> Answer:
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = sock.recv(1)
        except OSError:
            break
        if not more:
            break
        data += more
    head = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if not head[0].startswith("HTTP/"):
        return Answer()
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    return Answer(int(head[0].split()[1]), headers)


def read(sock: socket.socket) -> Answer:
    """One answer, by its content-length or to the end."""
    answer = read_head(sock)
    wanted = int(answer.headers.get("content-length", "-1"))
    while wanted < 0 or len(answer.body) < wanted:
        try:
            more = sock.recv(65535)
        except OSError:
            break
        if not more:
            break
        answer.body += more
        if answer.headers.get("transfer-encoding") == "chunked" and answer.body.endswith(
            b"0\r\n\r\n"
        ):
            break
    return answer

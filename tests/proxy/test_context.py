from residency.proxy.context import (
    codings_of,
    content_of,
    head_of,
    headers_of,
    parts_of,
    target_of,
)
from tests.proxy.conftest import Gateway

URL = "https://api.test/a%20b?x=1?y"


async def test_a_flow_becomes_a_head_as_sent(loaded: Gateway) -> None:
    flow = loaded.flow(URL, proof="")
    flow.request.headers.add("X-Bytes", b"\xe9")
    head = head_of(flow, "api.test")

    assert (head.method, head.path, head.query) == ("POST", "/a%20b", "x=1?y")
    assert ("x-bytes", "é") in headers_of(flow)


async def test_a_target_is_never_told_by_a_header_alone(loaded: Gateway) -> None:
    flow = loaded.flow(URL)
    flow.request.headers["host"] = "evil.test"
    flow.client_conn.sni = "sni.test"
    outside, inside = target_of(flow, None), target_of(flow, ("api.test", 443))

    assert (outside.host, outside.host_headers, outside.sni) == ("api.test", ("evil.test",), None)
    assert (inside.sni, inside.tunnel) == ("sni.test", ("api.test", 443))


async def test_every_coding_is_seen(loaded: Gateway) -> None:
    flow = loaded.flow(URL)
    flow.request.headers.add("Content-Encoding", "gzip")
    flow.request.headers.add("content-encoding", "br")

    assert codings_of(flow) == ["gzip", "br"]


async def test_what_may_have_fields_is_the_body_and_the_whole_head(loaded: Gateway) -> None:
    content = content_of(loaded.flow(URL), b"{}")

    assert (content.raw, content.headers) == (b"{}", headers_of(loaded.flow(URL)))
    assert f"{content.path}?{content.query}" == loaded.flow(URL).request.path


async def test_what_is_sent_besides_headers_and_body_is_told(loaded: Gateway) -> None:
    assert parts_of(loaded.flow(URL)) == (
        "POST",
        "https",
        "api.test",
        "443",
        "/a%20b?x=1?y",
        "HTTP/1.1",
    )

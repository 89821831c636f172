"""Options that open a way around are refused, at start and while the gateway runs."""

from typing import Any

import pytest
from mitmproxy import exceptions
from mitmproxy.test import taddons

from residency.proxy import options
from residency.proxy.chain import stages
from residency.proxy.options import GUARDED, OWN
from tests.proxy.conftest import Gateway

#: A value of each guarded option that would open a way around.
UNSAFE: dict[str, Any] = {
    "tls_version_server_min": "SSL3",
    "ciphers_server": "ALL:@SECLEVEL=0",
    "ignore_hosts": [".*"],
    "allow_hosts": ["a"],
    "tcp_hosts": [".*"],
    "udp_hosts": [".*"],
    "map_remote": ["|a|b"],
    "map_local": ["|a|/tmp"],
    "modify_body": ["/a/b"],
    "modify_headers": ["/a/b/c"],
    "stream_large_bodies": "1k",
    "stickyauth": ".*",
    "stickycookie": ".*",
    "save_stream_file": "/tmp/x",
    "hardump": "/tmp/x",
    "client_replay": ["/dev/null"],
    "server_replay": ["/dev/null"],
    "intercept": ".*",
    "proxyauth": "any",
    "upstream_auth": "a:b",
    "block_list": ["|a|444"],
    "rfile": "/tmp/x",
    "anticache": True,
    "anticomp": True,
    "request_client_cert": True,
    "ssl_insecure": True,
    "connection_strategy": "eager",
    "rawtcp": True,
    "websocket": False,
    "http3": True,
    "onboarding": True,
    "flow_detail": 3,
    "show_ignored_hosts": True,
    "store_streamed_bodies": True,
    "mode": ["regular", "socks5"],
    "validate_inbound_headers": False,
    "body_size_limit": "2g",
    "server": False,
}


def test_every_guarded_option_is_tried() -> None:
    assert UNSAFE.keys() == GUARDED.keys()


@pytest.mark.parametrize("name", UNSAFE)
async def test_an_unsafe_value_is_vetoed_and_rolled_back(stocked: Gateway, name: str) -> None:
    o = stocked.context.options
    before = getattr(o, name)
    with pytest.raises(exceptions.OptionsError, match=f"option {name}: "):
        stocked.context.configure(stocked.stage("policy"), **{name: UNSAFE[name]})

    assert getattr(o, name) == before


@pytest.mark.parametrize("name", UNSAFE)
async def test_an_unsafe_value_is_a_reason_not_to_start(stocked: Gateway, name: str) -> None:
    o: Any = stocked.context.options
    # As if the veto had not been there: the gate looks at what is in force.
    o._options[name].value = UNSAFE[name]

    assert [r for r in options.refusals(o) if r.startswith(f"option {name}: ")]


async def test_loading_a_stage_makes_the_options_safe(stocked: Gateway) -> None:
    assert options.refusals(stocked.context.options) == []
    assert stocked.context.options.body_size_limit == "64m"


@pytest.mark.parametrize("limit", ["0", "", "2g", "x", None, "-1"])
async def test_a_body_limit_must_be_one(stocked: Gateway, limit: str | None) -> None:
    with pytest.raises((exceptions.OptionsError, TypeError)):
        stocked.context.configure(stocked.stage("policy"), body_size_limit=limit)


@pytest.mark.parametrize(
    "mode", [["transparent"], ["reverse:http://a"], ["upstream:http://a"], ["wireguard"], []]
)
async def test_only_the_regular_mode_is_judged(stocked: Gateway, mode: list[str]) -> None:
    with pytest.raises(exceptions.OptionsError, match="mode"):
        stocked.context.configure(stocked.stage("policy"), mode=mode)


@pytest.mark.parametrize("mode", [["regular"], ["regular@8081", "regular@127.0.0.1:8082"]])
async def test_the_regular_mode_may_listen_anywhere(stocked: Gateway, mode: list[str]) -> None:
    stocked.context.configure(stocked.stage("policy"), mode=mode)


async def test_every_reason_comes_at_once(stocked: Gateway) -> None:
    with pytest.raises(
        exceptions.OptionsError, match=r"rawtcp.*; .*ssl_insecure|ssl_insecure.*; .*rawtcp"
    ):
        stocked.context.configure(stocked.stage("policy"), rawtcp=True, ssl_insecure=True)


@pytest.mark.parametrize("name", ["residency_ledger", "residency_rules", "listen_port", "confdir"])
async def test_what_the_gateway_stands_on_does_not_change_while_it_runs(
    ready: Gateway, name: str
) -> None:
    value: Any = 1 if name == "listen_port" else "elsewhere"
    with pytest.raises(exceptions.OptionsError, match="cannot be changed while the gateway runs"):
        ready.context.configure(ready.stage("policy"), **{name: value})


async def test_a_slip_of_the_pen_in_an_option_is_told() -> None:
    with taddons.context() as context:
        context.options.update_defer(residency_rulez="x", other="y")

        assert len(options.unknown(context.options)) == 1
        assert options.unknown(context.options)[0].startswith(
            "option residency_rulez: there is no such option"
        )


async def test_options_of_ours_are_no_slip(stocked: Gateway) -> None:
    stocked.context.options.update_defer(residency_rules="x")

    assert options.unknown(stocked.context.options) == []


async def test_every_option_of_ours_is_declared_once_however_many_stages_load(
    stocked: Gateway,
) -> None:
    assert len(stages()) > 1
    assert all(name in stocked.context.options for name in OWN)

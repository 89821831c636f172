"""The options: ours, those that must be set for safety, and those that would open a way around.

Sources: mitmproxy 12.2.3 ``options.py`` and the stock addons; each refusal is a way around that was seen to work.
"""

from collections.abc import Callable, Sequence
from typing import Any

from mitmproxy import addonmanager, exceptions
from mitmproxy import options as mitmproxy_options
from mitmproxy.utils import human

PREFIX = "residency_"

#: Name → (type, default, help). README.md lists the same.
OWN: dict[str, tuple[Any, Any, str]] = {
    "residency_rules": (str, "", "Folder with policy.yaml, identity.yaml, masks.yaml, destinations.yaml and signing.yaml."),
    "residency_ledger": (str, "residency-ledger.jsonl", "File that the ledger is written to."),
    "residency_admin": (str, "127.0.0.1:8090", "Loopback host:port of the admin API; empty for none."),
    "residency_hold_max": (int, 100, "How many calls may be held at once."),
    "residency_hold_bytes": (str, "64m", "How many bytes of bodies may be held at once."),
    "residency_read_limit": (str, "8m", "The largest body, after decoding, that is read where a rule asks about data."),
    "residency_read_seconds": (int, 30, "How long reading or masking a body may take, in seconds."),
    "residency_mask_key": (str, "", "File with the key for hmac in masks.yaml, 32 bytes or more, for its owner alone."),
    "residency_resolve": (Sequence[str], [], "For demonstrations only: HOST=LOOPBACK-ADDRESS:PORT, instead of DNS."),
    "residency_dns": (Sequence[str], [], "DNS servers, ADDRESS or ADDRESS:PORT; those of /etc/resolv.conf if unset."),
    "residency_feeds": (str, "", "Folder of address feeds that residency feeds import keeps; empty for none."),
    "residency_extra_scripts": (Sequence[str], [], "Paths of scripts that may run beside the gateway's own."),
    "residency_token_file": (str, "", "File with the approver's token, for the console commands and the desk."),
    "residency_gateway": (str, "", "URL of a running gateway's admin API, for the desk."),
}  # fmt: skip

#: Set when the gateway's first script loads.
SAFE: dict[str, Any] = {
    "connection_strategy": "lazy",
    "rawtcp": False,
    # Off, a handshake would open raw TCP. Which may pass is up to the rules.
    "websocket": True,
    "http3": False,
    "onboarding": False,
    "flow_detail": 0,
    "show_ignored_hosts": False,
    "store_streamed_bodies": False,
}

DEFAULT_BODY_LIMIT = "64m"
MAX_BODY_LIMIT = 1024**3


def _empty(value: object) -> bool:
    return not value


def _is(wanted: object) -> Callable[[object], bool]:
    return lambda value: value == wanted


def _regular(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and bool(value)
        and all(str(v).split("@")[0] == "regular" for v in value)
    )


def _limited(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        size = human.parse_size(value)
    except ValueError:
        return False
    return size is not None and 0 < size <= MAX_BODY_LIMIT


def _modern(value: object) -> bool:
    return value in ("TLS1_2", "TLS1_3")


_EMPTY_WHY = {
    "ignore_hosts": "would pass these hosts uninspected",
    "allow_hosts": "would pass all other hosts uninspected",
    "tcp_hosts": "would pass these hosts as raw TCP",
    "udp_hosts": "would pass these hosts as raw UDP",
    "map_remote": "would change the target after the decision",
    "map_local": "would answer from files instead of the judged target",
    "modify_body": "would change the body after the decision",
    "modify_headers": "would change headers after the decision",
    "stream_large_bodies": "would send large bodies before the decision",
    "stickyauth": "would add credentials after the decision",
    "stickycookie": "would add cookies after the decision",
    "save_stream_file": "would store payloads",
    "hardump": "would store payloads",
    "client_replay": "would send stored calls without a caller",
    "server_replay": "would answer from stored flows",
    "intercept": "would let calls be edited and resumed by hand",
    "proxyauth": "would take the place of the caller's identity",
    "upstream_auth": "would add credentials after the decision",
    "block_list": "would answer in the gateway's place",
    "rfile": "would load stored flows",
    "anticache": "would change headers",
    "anticomp": "would change headers",
    "request_client_cert": "would ask services for the certificates that are for their targets; the gateway asks by itself",
    "ssl_insecure": "would trust any certificate upstream",
}

#: Option → (is its value safe?, why it is refused otherwise).
GUARDED: dict[str, tuple[Callable[[object], bool], str]] = {
    **{name: (_empty, why) for name, why in _EMPTY_WHY.items()},
    **{name: (_is(value), "is set by the gateway") for name, value in SAFE.items()},
    "mode": (_regular, "only the regular proxy mode is judged"),
    "validate_inbound_headers": (_is(True), "must stay on: it refuses request smuggling"),
    "body_size_limit": (_limited, "must be set, to at most 1g"),
    "tls_version_server_min": (_modern, "must be TLS1_2 or TLS1_3"),
    "ciphers_server": (_empty, "the TLS library's own choice is kept"),
    "server": (_is(True), "the proxy has to listen"),
}


def declare(loader: addonmanager.Loader) -> None:
    """Add every option of ours; a second declaration with the same words changes nothing."""
    for name, (kind, default, text) in OWN.items():
        loader.add_option(name, kind, default, text)


def make_safe(options: mitmproxy_options.Options) -> None:
    """Set what must be set."""
    options.update(**{k: v for k, v in SAFE.items() if k in options})
    if not options.body_size_limit:
        options.update(body_size_limit=DEFAULT_BODY_LIMIT)


def refusals(options: mitmproxy_options.Options, names: set[str] | None = None) -> list[str]:
    """Why the present values are refused, one sentence each; empty where they are safe."""
    found = []
    for name, (is_safe, why) in GUARDED.items():
        if (
            name in options
            and (names is None or name in names)
            and not is_safe(getattr(options, name))
        ):
            found.append(f"option {name}: {why}")
    return found


def unreadable(options: mitmproxy_options.Options) -> list[str]:
    """Options of ours whose given values cannot be taken.

    mitmproxy 12.2.3 raises on them where nobody listens: the script would not be loaded, and the proxy would
    go on without it.
    """
    found = []
    for name in sorted(set(options.deferred) & set(OWN)):
        given = getattr(options.deferred[name], "val", None)
        try:
            if isinstance(given, list):
                options._parse_setval(options._options[name], given)
        except exceptions.OptionsError as e:
            found.append(f"option {name}: {e}")
    return found


def unknown(options: mitmproxy_options.Options) -> list[str]:
    """Options of ours that were set and do not exist: most often a slip of the pen."""
    return [
        f"option {name}: there is no such option (known: {', '.join(sorted(OWN))})"
        for name in sorted(options.deferred)
        if name.startswith(PREFIX)
    ]

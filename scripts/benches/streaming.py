"""Answers stream: what stock mitmdump needs besides to pass server-sent events as they come."""

from mitmproxy import http


def responseheaders(flow: http.HTTPFlow) -> None:
    """Keep nothing."""
    if flow.response:
        flow.response.stream = True

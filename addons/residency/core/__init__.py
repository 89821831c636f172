"""Pure: no mitmproxy, no sockets, no files, no clock, no randomness, no environment."""

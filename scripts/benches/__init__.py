"""The benchmark: how fast the gateway is beside stock mitmdump on the same machine in the same minutes."""

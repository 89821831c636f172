"""The lab: issuer, far sides and a real gateway on loopback, for the demo, the end-to-end tests and the benchmark."""

"""Ordinary services, as separate programs: nothing in them knows of the gateway, all is in their environment.

Each prints one JSON object: what its caller saw, and the digest of the body it sent where the library tells.
"""

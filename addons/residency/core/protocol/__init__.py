"""What a call names in its body, whatever its host: MCP tools, JSON-RPC methods, GraphQL operations.

``operations`` tells the protocol and the names; ``graphql`` reads documents for it.
"""

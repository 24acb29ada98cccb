"""Bytes and sockets: listening, connections, request heads, bodies, TLS.

Nothing here knows metrics or routes.
"""

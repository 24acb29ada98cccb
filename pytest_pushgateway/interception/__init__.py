"""A fixed address: connections of this process to it reach a gateway instead, or are refused.

Knows addresses, sockets and resolvers, and no gateway. Nothing is patched while nothing is intercepted.
"""

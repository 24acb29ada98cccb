"""Ours beside the real Pushgateway: the same requests, the same client code, ratios.

``python -m benchmarks [NAME...]`` runs all cases, or those whose name contains one of the arguments. All, or with
``--save`` those named, go into ``benchmarks/results``: ``results.json``, ``results.md`` and ``push-cost.svg``.
``PUSHGATEWAY_BINARY`` names the real one.
"""

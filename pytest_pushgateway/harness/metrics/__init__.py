"""Metrics as a test reads and writes them: families, groups, scrapes, snapshots.

No requests and no assertions.
"""

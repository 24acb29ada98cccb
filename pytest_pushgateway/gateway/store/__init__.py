"""The state of the gateway: groups, verdicts, conflicts, merged families and its own metrics.

No HTTP and no files.
"""

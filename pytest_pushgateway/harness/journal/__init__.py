"""The requests and events of a test: journal, pushes and deletions, lint of pushes, timeline.

No assertions and no messages about failures.
"""

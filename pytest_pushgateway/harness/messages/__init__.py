"""Words only: failures, history, warnings, the section of a failing test, comparisons.

Nothing here decides whether an assertion holds.
"""

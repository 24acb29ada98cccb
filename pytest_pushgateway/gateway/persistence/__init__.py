"""The persistence file: SQLite, its rows and its lock.

Knows the values of groups.py, not the store.
"""

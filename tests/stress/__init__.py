"""Runs that try to break the gateway: ``python -m tests.stress NAME``; docs/reliability.md has what they found."""

"""The wire formats of metrics: bytes to the model and back, and what both sides of a push say of names and labels.

Pure functions. What holds metrics is in gateway/store/, what a scrape makes of them in prometheus/scrape/.
"""

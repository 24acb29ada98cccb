"""The wire formats of metrics: bytes to the model and back, and the rules of names and labels for both sides of a push.

Pure functions. What holds metrics is in gateway/store/, what a scrape makes of them in prometheus/scrape/.
"""

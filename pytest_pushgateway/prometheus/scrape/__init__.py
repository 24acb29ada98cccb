"""A simulated scrape: targets, fetching, relabelling, and the samples that Prometheus would store.

No configuration is decoded here, and nothing is judged.
"""

"""The other side of the scrape: configuration, relabelling, what Prometheus would store."""

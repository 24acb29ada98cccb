"""The Pushgateway itself: knows nothing of pytest or of the harness."""

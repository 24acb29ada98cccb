"""Go's Pushgateway next to ours: it gets the same bytes, and what both answer is compared.

Knows the gateway's requests and answers, and no test.
"""

"""The other side of the scrape: a configuration is read, judged and run against a gateway.

Reading is in decode/, judging in lint/, the simulated scrape in scrape/, rules in rules/. No gateway is known here:
what is scraped is any object with an address.
"""

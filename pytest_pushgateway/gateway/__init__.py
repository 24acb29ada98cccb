"""A Pushgateway, of the standard library alone: what is pushed, held, exposed and answered.

Bytes are in http/, routes and answers in app/, metrics in store/, files in persistence/. It knows neither pytest nor
the harness, which see it through hooks.py.
"""

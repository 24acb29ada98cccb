"""A Pushgateway that needs only the standard library: it takes pushes, holds, exposes and answers.

Bytes are in http/, routes and answers in app/, metrics in store/, files in persistence/. It knows neither pytest nor
the harness, which see it through hooks.py.
"""

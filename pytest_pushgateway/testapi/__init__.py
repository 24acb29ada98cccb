"""The harness over HTTP and JSON: for applications, and tests, in another process, container or language.

`application.py` answers, and `client.py` makes of the answers the `Pushgateway` that a test knows. What a gateway can
do is the harness's: nothing of it is decided here.
"""

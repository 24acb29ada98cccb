"""The gateway behind a `Pushgateway`: what it holds of the tests that use it, and its life from start to end.

`LocalGateway` is the one in this process; testapi/remote/ has the other. What a test calls belongs beside this folder.
"""

"""The original's HTTP API: routes, answers, basic authentication, the web configuration file and the web page.

No sockets (http/) and no verdicts on metrics (store/).
"""

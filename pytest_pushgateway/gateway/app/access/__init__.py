"""Access to the gateway: basic authentication, the web configuration file, and the requests of browsers.

Each module decides from a request's head; routes and handlers are in the folder above.
"""

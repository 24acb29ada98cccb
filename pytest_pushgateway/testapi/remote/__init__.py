"""A gateway in another process as the harness needs it: `RemoteGateway` has the attributes of `LocalGateway`.

Journal and groups are copies, brought up to date before they are read; assertions, messages and warnings are made of
them here. No route is answered here: that is the folder above.
"""

"""What a gateway does to its clients when it is slow, broken or gone.

The faults that a test asks for, the answers they give and the requests they meet. What a fault can do at all is a
field of `Plan` in gateway/hooks.py, and is carried out there.
"""

"""A gateway in a test's hands: the face with its assertions, and the gateway behind it.

What happened is in journal/, what a test reads in metrics/, faults in faults/, every word of a message in messages/.
It knows nothing of pytest.
"""

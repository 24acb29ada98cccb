"""``--pushgateway-report``: a run as one file. Imported only when the option is given.

`recorder.py` notes the events of each process, `collect.py` puts those of all processes together, `page.py` and
`as_json.py` write them down, and `reporting.py` has pytest's hooks.
"""

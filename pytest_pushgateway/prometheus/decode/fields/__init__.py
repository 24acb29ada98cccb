"""The fields of every section of a configuration, by release.

``table.json`` lists the fields and their Go types, ``table.py`` looks them up, ``structs.py`` makes decoders of them.
``enumerations.py`` has the types with a fixed set of values; ``conditions.py``, ``http_checks.py``,
``discovery_checks.py`` and ``section_checks.py`` hold what must be set in a section, or not set together.
"""

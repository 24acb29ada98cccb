"""The files that hold configurations: Kubernetes objects, Helm values, collectors, agents, Compose files.

A form turns an outer file into *pieces*: configurations with their places in that file. What decodes and judges them
is outside this room, and so is a plain ``prometheus.yml``.
"""

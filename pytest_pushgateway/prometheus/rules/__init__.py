"""Alerting and recording rules against pushed metrics, evaluated by promtool.

Reading rule files, writing promtool's unit tests and reading its results; no PromQL of ours.
"""

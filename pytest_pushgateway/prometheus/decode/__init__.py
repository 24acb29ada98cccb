"""Decoding a configuration as Prometheus does: same verdict, same words, but every problem and where it is.

``decoder`` decodes any Go structure, the other modules one part of the configuration each. Type names such as
``config.plain`` are Go's: they are part of promtool's messages. No advice: that is in lint/.
"""

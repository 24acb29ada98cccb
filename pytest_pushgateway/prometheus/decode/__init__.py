"""Decoding a configuration as Prometheus does: same verdict, same words, but every problem and where it is.

``core`` has what decodes any Go structure; ``values`` durations, sizes, URLs and names; the other modules one part of
the configuration each. Type names such as ``config.plain`` are Go's: they are part of promtool's messages.
"""

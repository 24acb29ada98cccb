"""The text format: one fast and one strict parser, what both build, and the writer.

No negotiation, no content coding.
"""

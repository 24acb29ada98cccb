"""The text format: readers, parsers and writer."""

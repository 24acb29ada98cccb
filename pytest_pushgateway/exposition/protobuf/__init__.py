"""The protobuf formats: schema, reader, writer, and the text form that messages quote.

Only schema.py and reader.py need google.protobuf.
"""

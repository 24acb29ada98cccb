"""The protobuf formats: schema, reader, writer and the text form that messages quote."""

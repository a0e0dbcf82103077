"""From the bytes of a stream to the record of a request. Pure."""

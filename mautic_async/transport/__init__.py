"""Bytes out, bytes in: base URL, connections, decompression and TLS."""

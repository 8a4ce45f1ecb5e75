"""The documents, and what builds their site."""

"""Contacts: how the server reads, merges, stores and shows them."""

"""Credentials: HTTP Basic, OAuth 2 client credentials and authorization code, and where tokens are kept."""

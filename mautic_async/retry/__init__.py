"""The meaning of failures, and retries after them."""

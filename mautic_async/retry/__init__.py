"""What a failure means, and whether the call is sent again."""

"""The rate limiter: concurrency, the window of the server's rate limit, and a throttle for servers without headers."""

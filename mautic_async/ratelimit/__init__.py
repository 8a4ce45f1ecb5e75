"""When a request may be sent: concurrency, the server's rate window, and a throttle without one."""

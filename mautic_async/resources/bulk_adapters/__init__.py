"""What the bulk engine asks of each kind of row: how to encode, send and look it up."""

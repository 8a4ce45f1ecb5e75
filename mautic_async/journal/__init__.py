"""The write-ahead log of a bulk job, from which a killed job can be resumed."""

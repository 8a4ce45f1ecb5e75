"""What a bulk job writes down of its rows, so that a killed job can be resumed."""

"""Cases: each takes more than one fault of one kind."""

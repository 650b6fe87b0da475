"""What takes more than one fault of one kind, a case each."""

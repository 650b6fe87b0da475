"""What was measured, as JSON, and the page and the drawings that are made from it."""

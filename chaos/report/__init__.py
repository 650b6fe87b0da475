"""The measurements as JSON, and the page and the drawings that are made from them."""

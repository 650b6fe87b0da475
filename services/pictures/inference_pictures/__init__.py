"""Decodes any picture file safely: `decode` reads it, `limits` bounds it, `modes` converts it to 8 bits."""

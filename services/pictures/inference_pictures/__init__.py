"""Any picture file, from anyone, to pixels: `decode` opens it, `limits` bounds it, `modes` brings it to 8 bits."""

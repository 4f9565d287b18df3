"""Tonight's purchases over all items: what couples them, and why each line is as it is."""

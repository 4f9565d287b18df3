"""Exact reorder policies of single items, computed for whole tables at once."""

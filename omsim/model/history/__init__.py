"""Order history in, a model out."""

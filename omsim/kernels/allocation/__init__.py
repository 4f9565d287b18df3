"""Which stock serves which order line: walks, exact choices and searches over batches of orders, arrays in and out."""

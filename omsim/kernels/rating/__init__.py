"""What carriers charge: rate cards as arrays, prices of parcels in bulk and term by term, numbers with check digits."""

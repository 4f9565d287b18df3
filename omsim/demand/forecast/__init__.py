"""What may be asked for: predictive distributions learnt from order history."""

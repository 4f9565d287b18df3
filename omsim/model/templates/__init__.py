"""Made-up businesses to start from."""

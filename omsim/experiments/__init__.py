"""Runs repeated and compared: replications, paired what-ifs, executors and the run folder."""

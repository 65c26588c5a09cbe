"""Calls from other processes to the one that drives the runs of a store."""

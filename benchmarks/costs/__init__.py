"""Compares what callsheet predicts and records of each call's cost with what a model of billing charges."""

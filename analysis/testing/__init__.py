"""Hypothesis tests and models on survey data, multiple testing, and the reliability of an instrument."""

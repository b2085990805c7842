"""Screening: groups of answers that differ from the wave as honest ones do not, each with its evidence."""

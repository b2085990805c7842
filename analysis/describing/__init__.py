"""Figures that describe a citizens' wave beside its scores: modes, drivers, other questions; no score uses them."""

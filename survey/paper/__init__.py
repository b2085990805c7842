"""The printed questionnaire: its numbers, its layout, and what is typed in from it."""

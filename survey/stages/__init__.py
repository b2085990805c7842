"""The stages of a survey in the order of the data; a stage reads earlier ones, never later ones."""

"""Set-up of a development machine: one small module for each part, standard library only."""

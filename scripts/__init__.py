"""Tools for working on this project."""

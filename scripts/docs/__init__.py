"""The docs site: built from the pages in docs/ and from docstrings, and then checked."""

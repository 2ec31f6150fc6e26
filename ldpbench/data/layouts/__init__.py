"""Recognising the layouts in which sets are handed out, and reading their sources."""

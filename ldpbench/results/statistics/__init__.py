"""How far a mean over images can be trusted: paired bootstrap, ties, and the digits that are worth printing.

Pure functions over numbers that are in memory already; nothing here reads or writes.
"""

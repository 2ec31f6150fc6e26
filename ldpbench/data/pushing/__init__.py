"""Handing a prepared dataset on, and taking it back."""

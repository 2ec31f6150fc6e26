"""Dual-pixel defocus deblurring: data, methods, numbers and pages."""

__version__ = "0.1.0"

"""Dual-pixel image formation: point-spread functions, thin lens, renderers and procedural scenes."""

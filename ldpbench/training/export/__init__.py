"""Handing a checkpoint on: as ONNX, as a folder with a model card, to a hub."""

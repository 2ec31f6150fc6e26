"""What a trainer sees of a dataset: patches, augmentation and batches."""

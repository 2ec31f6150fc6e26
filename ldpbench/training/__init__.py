"""Training: batches, losses, the loop, checkpoints that resume exactly, and recipes."""

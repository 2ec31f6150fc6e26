"""Methods: the protocol they follow, the folders they live in, and the runtime that pads, times and crops for them."""

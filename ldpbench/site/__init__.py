"""Results as a folder of static pages that works from file:// and from any host."""

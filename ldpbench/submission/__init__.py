"""Results that strangers hand in: packed, checked against their pictures, and taken in."""

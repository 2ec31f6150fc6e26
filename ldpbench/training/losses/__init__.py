"""What a network is trained to make small: the paper's three losses and their sum."""

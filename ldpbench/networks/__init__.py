"""Networks as plain torch modules: LDP and its blocks, the zoo of named sizes, checkpoint folders."""

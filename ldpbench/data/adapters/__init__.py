"""One module per dataset: what the publisher's files mean."""

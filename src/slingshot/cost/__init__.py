"""What training and predicting cost: measured seconds, real tokens and dated prices into money."""

"""Small models: families, batching, training, prediction, and the two baselines."""

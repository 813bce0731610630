"""Predictors that learn from trained architectures and look at the first epochs of the query's training."""

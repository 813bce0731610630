"""Predictors that look at the first epochs of the query architecture's own training.

Nothing is learned from other architectures: there is no training set, and no cost of one.
"""

"""Predictors that learn accuracy from encoded, labelled architectures; one file each."""

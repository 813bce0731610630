"""Predictors that need no labelled architecture."""

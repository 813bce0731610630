"""How to predict: encodings and performance predictors."""

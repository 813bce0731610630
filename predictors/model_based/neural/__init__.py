"""Neural predictors: many models trained as one program, parameters stacked on a leading axis."""

"""Search spaces: grammar, sampling, mutation, canonical form, cell graph, network."""

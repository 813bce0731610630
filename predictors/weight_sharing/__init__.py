"""Weight sharing: one network that contains all others, trained once, scores any of them."""

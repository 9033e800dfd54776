"""`shoal try`: what a file says of a shop, told by the product's own code, in a temporary place."""

"""A store's report for its owner: read (`gathering`), drawn (`figures`), written (`page`)."""

"""How good a model is on labelled photos: read them, look at them as detect does, count right and wrong."""

"""Boxes that stay where they are: a stump, a feeder or a sign that a model takes for an animal."""

"""The check of a GPU: is trailcam right on it, and how fast is each stage?"""

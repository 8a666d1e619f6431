"""What a file says of itself: where it lies, its EXIF, when it was taken."""

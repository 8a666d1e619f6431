"""Files and folders: is the drive there, one writer at a time, outputs whole or not at all."""

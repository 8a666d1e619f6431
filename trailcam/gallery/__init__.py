"""One offline HTML page of the photos that were found, with filters and statistics."""

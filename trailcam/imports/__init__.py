"""What other programs found and what people labelled elsewhere, into the database."""

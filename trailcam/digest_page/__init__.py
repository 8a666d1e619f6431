"""A digest as a page and as a mail: with small pictures of what is new."""

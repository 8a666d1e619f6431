"""Whether cameras' clocks can be trusted, and the corrections that people make to them."""

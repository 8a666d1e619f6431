"""Whether cameras' clocks can be believed, and what people say of them."""

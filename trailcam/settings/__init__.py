"""What a user set: configuration, class maps, and the checked tables of TOML files."""

"""The tests: unit/ asks functions, functional/ asks the command line."""

"""The generated parts of the docs: the commands' help, the Python interface, the examples' output."""

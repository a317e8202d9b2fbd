"""A name → a folder of weights on this machine, and how to run what is in it: device, precision, batches."""

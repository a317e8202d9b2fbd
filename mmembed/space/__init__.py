"""Picture | str → vector: the joint space, one file a backend."""

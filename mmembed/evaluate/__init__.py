"""Retrieval, caption and translation metrics: one evaluator, one file; the tables in the README come from here."""

"""What start.py and test.py share; not part of the package."""

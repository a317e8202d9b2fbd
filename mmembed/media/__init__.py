"""Files → Picture: find, read safely, orient, fingerprint."""

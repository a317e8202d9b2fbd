"""vector (+ source text) → text: decoder, captions, translation."""

"""The commands of the program, one file a topic; `mmembed.cli` puts them together."""

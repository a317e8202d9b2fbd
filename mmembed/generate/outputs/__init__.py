"""Where captions and translations go: tables, sidecar files, `datasets` folders; each knows what it has already."""

"""Speed and memory as ratios against named baselines, measured in turns in one run."""

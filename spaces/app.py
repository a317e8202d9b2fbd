"""What a Hugging Face Space runs: the sample photos, indexed, and the app. A Space is public, so nobody is asked for a password."""

import os
import tempfile
from pathlib import Path

import mmembed
from mmembed.app import launch
from mmembed.media.samples import sample_photos

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos.mm"
        with mmembed.Gallery(photos, mmembed.load()) as gallery:
            gallery.index(sample_photos())
        launch(photos, host=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), port=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))

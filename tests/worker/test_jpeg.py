import io

import numpy as np
import pytest
from PIL import Image

from worker.jpeg import decoded_together


def encoded(pixels: int, **options: object) -> bytes:
    image = np.random.default_rng(pixels).integers(0, 256, (pixels, pixels + 3, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, {"quality": 30}, {"subsampling": 0}, {"progressive": True}])
def test_many_at_once_are_the_very_pixels_that_pil_gives(options: dict[str, object]) -> None:
    files = [encoded(pixels, **options) for pixels in (8, 31, 48, 100)]
    images = decoded_together(files)
    if images is None:
        pytest.skip("this torchvision decodes no JPEG files any more")
    for file, image in zip(files, images, strict=True):
        assert (image == np.asarray(Image.open(io.BytesIO(file)))).all()


def test_where_one_is_broken_pil_is_left_to_find_it() -> None:
    assert decoded_together([encoded(8), b"\xff\xd8\xff no image"]) is None
    assert decoded_together([]) is None

# SPDX-License-Identifier: MIT
"""The script that makes the README's pictures: light and dark, of a sensible size, and not empty."""

import page_sample
import page_screenshots
import pytest
from PIL import Image

from compare.page import page


def test_pictures_for_the_readme(tmp_path):
    pages = [tmp_path / "comparison.html", tmp_path / "offloading.html"]
    page.write(page_sample.document(page_sample.sleeping(), page_sample.spinning()), pages[0])
    page.write(page_sample.document(page_sample.offloading(), recommendations=[]), pages[1])
    pictures = {path.name: path for path in page_screenshots.take(pages, tmp_path)}
    committed = {path.name for path in page_screenshots.DIRECTORY.glob("*.png")}
    assert (
        set(pictures)
        == committed
        == {"%s-%s.png" % (name, theme) for name in page_screenshots.PICTURES for theme in ("light", "dark")}
    )
    for name, path in pictures.items():
        assert 10_000 < path.stat().st_size <= page_screenshots.MOST_BYTES
        picture = Image.open(path).convert("L")
        assert 600 < picture.width < 1600 and 400 < picture.height < 2000
        assert (picture.getpixel((2, 2)) > 128) == ("light" in name)
        assert len(picture.getcolors()) > 20, "something is drawn"


def test_a_picture_whose_experiment_no_page_has(tmp_path):
    page.write(page_sample.document(page_sample.offloading(), recommendations=[]), tmp_path / "comparison.html")
    with pytest.raises(ValueError, match="compare-timeline, compare-charts, spinning-timeline"):
        page_screenshots.take([tmp_path / "comparison.html"], tmp_path)

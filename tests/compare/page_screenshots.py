# SPDX-License-Identifier: MIT
"""Makes all pictures of the documents from the pages of two comparisons, on an idle machine:

    setup/compare
    setup/compare offloading --out build/compare-offloading
    build/venv-programs/bin/python tests/compare/page_screenshots.py build/compare*/comparison.html

Writes each of PICTURES, light and dark, into pyapps/pictures/, each under 200 kB."""

import argparse
import base64
import io
import pathlib
import sys

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "pyapps")]

from page_browser import Browser  # noqa: E402

WIDTH, PADDING, MOST_BYTES = 1100, 24, 200_000
COLOURS = 128
DIRECTORY = HERE.parents[1] / "pyapps" / "pictures"
PICTURES = {
    "compare-timeline": ("sleeping", "figure.timelines"),
    "compare-charts": ("sleeping", ".charts"),
    "spinning-timeline": ("spinning", "figure.timelines"),
    "offloading-timeline": ("offloading", "figure.timelines"),
}
NAMES = "return JSON.parse(document.getElementById('comparison').textContent).experiments.map((one) => one.name)"
STYLE = "document.head.append(Object.assign(document.createElement('style'), {textContent: arguments[0]}))"
ALL_IN_THEME = """
const colour = (element) => getComputedStyle(element).backgroundColor;
const plots = [...document.querySelectorAll(".plot .main-svg:first-of-type")];
return plots.length > 0 && plots.every((one) => colour(one) === colour(document.documentElement));
"""
HIDDEN = (
    ".live, .says, .chart.app { display: none !important; } figure.timelines, .charts { margin-top: 60px !important; }"
)


def shoot(browser, index, selector):
    """Returns the PNG of the first element that the selector finds in the experiment with this index, with a margin of
    the page's colour around it."""
    box = browser.script(
        "const section = document.querySelectorAll('section.experiment')[arguments[0]];"
        "const box = section.querySelector(arguments[1]).getBoundingClientRect();"
        "return [box.x + scrollX, box.y + scrollY, box.width, box.height]",
        index,
        selector,
    )
    clip = {
        "x": box[0] - PADDING,
        "y": box[1] - PADDING,
        "width": box[2] + 2 * PADDING,
        "height": box[3] + 2 * PADDING,
        "scale": 1,
    }
    taken = browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    return base64.b64decode(taken["data"])


def smaller(png):
    """Returns the picture with a palette, which suits flat colours; raises ValueError when it is still too large for a
    README."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    if len(out.getvalue()) > MOST_BYTES:
        raise ValueError("the picture has %d bytes, more than %d" % (len(out.getvalue()), MOST_BYTES))
    return out.getvalue()


def take(pages, directory):
    """Writes the pictures of the pages into a directory and returns their paths. Raises ValueError when no page has the
    experiment of a picture; those of the other pictures are written then."""
    browser, written, missing = Browser(), [], dict(PICTURES)
    try:
        for page in pages:
            browser.open_file(page, width=WIDTH)
            browser.script(STYLE, HIDDEN)
            names = browser.script(NAMES)
            found = [name for name, (experiment, _) in missing.items() if experiment in names]
            pictures = {name: missing.pop(name) for name in found}
            for theme in ("light", "dark"):
                browser.emulate(prefers_color_scheme=theme)
                browser.wait(ALL_IN_THEME)
                for name, (experiment, selector) in pictures.items():
                    path = directory / ("%s-%s.png" % (name, theme))
                    path.write_bytes(smaller(shoot(browser, names.index(experiment), selector)))
                    written.append(path)
    finally:
        browser.close()
    if missing:
        raise ValueError("no page has the experiment of %s" % ", ".join(missing))
    return written


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=pathlib.Path, nargs="+", metavar="PAGE", help="comparison.html")
    parser.add_argument("--directory", type=pathlib.Path, default=DIRECTORY, help="where the pictures go")
    arguments = parser.parse_args()
    for path in take([page.resolve() for page in arguments.pages], arguments.directory):
        print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

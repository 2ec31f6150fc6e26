"""A scene whose pictures are of known greys, and what the tests of it do and see."""

import numpy as np
from browser_site import make_site

from ldpbench.data import png16

SCENE = "scene/toy--test--scene-01.html"
WIDTH, HEIGHT = 400, 300
GREYS = {"blurry": 100, "target": 140, "output--run-fake": 120, "output--run-other": 130}


def make_scene_site(out):
    """Pictures of a known grey."""
    site = make_site(out, size=(WIDTH, HEIGHT))
    folder = site / "images" / "toy" / "test" / "scene-01"
    for name, grey in GREYS.items():
        for suffix, size in (("", (HEIGHT, WIDTH)), ("--small", (240, 320))):
            (folder / f"{name}{suffix}.png").write_bytes(png16.encode(np.full((*size, 3), grey, np.uint8)))
    return site


DRAWN = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  await frame();
  const near = [...document.images].filter((image) => image.loading !== "lazy" && image.getAttribute("src"));
  await Promise.all(near.map((image) => image.decode().catch(() => {})));
  await frame();
}"""


def settle(page):
    """Wait for the address, which waits for the hand to rest."""
    page.wait_for_timeout(300)


def transforms(page):
    return page.evaluate("[...document.querySelectorAll('[data-layer]')].map((layer) => layer.style.transform)")


def zoom(page):
    page.evaluate(DRAWN)
    found = set(transforms(page))
    assert len(found) == 1  # the panes and both sides of the slider
    return float(found.pop().split("scale(")[1].rstrip(")"))


def frame(page, kind, number=0):
    found = page.locator(f"[data-frame].{kind}").nth(number)
    found.scroll_into_view_if_needed()
    return found


def colour(page, locator, x=0.5, y=0.5):
    """What the screen shows at a place, given as shares."""
    page.evaluate(DRAWN)
    picture = png16.decode(locator.screenshot(), "screen")
    return picture[int(y * picture.shape[0]), int(x * picture.shape[1]), :3].astype(int).tolist()


def drag(page, locator, start, end):
    locator.scroll_into_view_if_needed()
    box = locator.bounding_box()
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=4)
    page.mouse.up()
    settle(page)

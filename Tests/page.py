#!/usr/bin/env python3
"""Does on the page of `minke serve` what a person would: searches, reads, looks at the map, compares, talks.

Usage: Tests/page [--pictures FOLDER] [--chat-model FOLDER] [--large]
"""

import argparse
import base64
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import time
import urllib.parse

from page_browser import Browser, Keys
from page_model import long_model
from serving import ROOT, server, step

HOSTILE = [
    {"id": "script", "title": "<script>window.owned = 1</script>",
     "text": "a hostile <script>window.owned = 1</script> harpoon &lt;b&gt; 😀 日本 harpoon"},
    {"id": "<img src=x onerror='window.owned = 2'>",
     "text": "another hostile <img src=x onerror=\"window.owned = 2\"> and \"><svg onload='window.owned = 3'> text"},
]


def index(minke, path, *sources, lines=None):
    text = "".join(json.dumps(line) + "\n" for line in lines) if lines else None
    command = [minke, "index", *sources, "--into", path]
    subprocess.run(command, check=True, capture_output=True, input=text, text=True, cwd=ROOT / "Examples")


def query(page):
    return urllib.parse.parse_qs(page.fragment.partition("?")[2])


def search(page, text):
    """Types a query and waits for what is found."""
    page.replace("#query", text)
    page.until(f"an answer to {text}", lambda: query(page).get("q") == [text] and " in " in page.text("#found"))


def searches(page):
    step("typing finds passages, with the words found standing out")
    page.go()
    page.quiet()
    assert page.focused("#query")
    assert "documents in 2 collections" in page.text("#start")
    page.keys("white wha")
    page.until("passages while typing", lambda: page.all("#results li"))
    page.keys("le")
    page.until("the query in the address", lambda: query(page).get("q") == ["white whale"])
    page.until("words standing out", lambda: "whale" in [text.lower() for text in page.texts("#results mark")])
    assert len(page.all("#results li")) == 10
    assert re.search(r"^10 passages of [\d,]+ in [\d.]+ m?s$", page.text("#found")), page.text("#found")
    assert {text.lower() for text in page.texts("#results mark")} <= {"white", "whale", "whales", "whale's", "whaling"}
    assert page.script("return document.title") == "white whale – Minke"
    assert re.search(r"last query [\d.]+ m?s", page.text("#status"))
    page.named()
    page.picture("search")

    step("the mode, more passages, one a document")
    both = page.texts("#results .passage")
    for mode in ("words", "meaning"):
        page.script("document.querySelector(`input[name=mode][value=${arguments[0]}]`).click()", mode)
        page.until(f"mode {mode}", lambda: query(page).get("mode") == [mode])
        page.until("other passages", lambda: page.texts("#results .passage") != both)
    page.script("document.querySelector('input[value=both]').click()")
    page.until("the mode of before", lambda: page.texts("#results .passage") == both)
    page.click("#more")
    page.until("more passages", lambda: len(page.all("#results li")) == 30)
    assert page.focused("#results li:nth-child(11) a")
    page.click("#narrow")
    page.script("const per = document.getElementById('per'); per.value = '1';"
                "per.dispatchEvent(new Event('input', { bubbles: true }))")
    page.until("one passage a document", lambda: 1 < len(page.all("#results li")) <= 7)
    names = page.texts("#results a")
    assert len(set(names)) == len(names), names

    step("filters, also wrong ones, and collections")
    page.replace("#where", 'path GLOB "*alice*"')
    page.until("Alice alone", lambda: all("alice" in name for name in page.texts("#results a") or ["none"]))
    page.replace("#where", "path GLOB")
    page.until("what is wrong", lambda: page.one("#where-error").is_displayed())
    assert "filter" in page.text("#where-error") and page.one("#where").get_attribute("aria-invalid") == "true"
    page.quiet("400")
    page.replace("#where", "")
    page.until("all documents", lambda: page.all("#results li") and not page.one("#where-error").is_displayed())
    page.script("document.querySelector('#collections input[value=odd]').click()")
    page.until("one collection", lambda: query(page).get("in") == ["odd"] and len(page.all("#results li")) <= 2)
    search(page, "zzzz qqqq -whale path:nowhere")
    page.until("an honest answer", lambda: page.text("#found").startswith("Nothing found"))
    page.quiet()


def reads(page):
    step("a passage in its document, in view; reload, back")
    page.go("#search?q=white+whale&in=books")
    page.until("passages", lambda: page.all("#results li"))
    page.click("#results li:nth-child(2) a")
    page.until("the document", lambda: page.all(".part.here"))
    opened = query(page)["passage"]
    in_view = """const part = document.querySelector(".part.here").getBoundingClientRect();
        const box = document.getElementById("reader-page").getBoundingClientRect();
        return part.top >= box.top - 1 && part.top < box.bottom - 40"""
    page.until("the passage in view", lambda: page.script(f"return (() => {{ {in_view} }})()"))
    assert page.focused("#reader-title")
    assert page.all(".part.here mark"), "the words found stand out in the document, too"
    first = page.text("#results li.open .passage").strip("… ").split("\n")[0][:60]
    assert first in page.text("#reader-page"), first
    assert page.script("return document.querySelectorAll('.part').length") > 100
    page.named()
    page.picture("document")
    page.driver.refresh()
    page.until("the same document", lambda: page.all(".part.here") and query(page)["passage"] == opened)
    page.driver.back()
    page.until("no document", lambda: not page.one("#reader").is_displayed())

    step("the keyboard alone")
    page.go("#indexed")
    page.keys("/")
    page.until("the field", lambda: page.focused("#query"))
    page.keys("natural selection")
    page.until("passages", lambda: page.all("#results li") and query(page).get("q") == ["natural selection"])
    page.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert page.focused("#results li:nth-child(2) a")
    page.keys(Keys.ENTER)
    page.until("the document", lambda: page.all(".part.here") and page.focused("#reader-title"))
    page.keys(Keys.ESCAPE)
    page.until("back in the list", lambda: page.focused("#results li:nth-child(2) a"))
    page.keys(Keys.ARROW_UP, Keys.ARROW_UP)
    assert page.focused("#query")
    page.keys(Keys.ARROW_DOWN, "?")
    assert page.one("#keys-dialog").is_displayed()
    page.keys(Keys.ESCAPE)
    page.until("no list of keys", lambda: not page.one("#keys-dialog").is_displayed())
    page.quiet()


def resists(page):
    step("hostile texts are texts")
    page.go("#search?q=hostile&in=odd&mode=words")
    page.until("both", lambda: len(page.all("#results li")) == 2)
    shown = " ".join(page.texts("#results li"))
    for row in HOSTILE:
        assert row["text"] in shown, shown
    for number in (1, 2):
        page.click(f"#results li:nth-child({number}) a")
        page.until("the document", lambda: page.all(f"#results li:nth-child({number}).open") and page.all(".part.here"))
    page.go("#indexed?of=odd")
    page.until("their names", lambda: len(page.all("#document-list a")) == 2)
    assert "<img src=x onerror='window.owned = 2'>" in page.texts("#document-list a")
    for link in page.all("#document-list a"):
        link.click()
        page.until("a document by name", lambda: page.all(".part"))
    page.go("#search?q=" + urllib.parse.quote("<img src=x onerror=window.owned=4>"))
    page.go("#similarity?t=" + urllib.parse.quote("<script>window.owned = 5</script>") + "&t=b")
    page.until("a comparison", lambda: page.all("#similarities td"))
    assert page.script("return window.owned") is None
    assert not page.script("return document.querySelectorAll('img, svg, script:not([src])').length")
    page.quiet()


def fitted(page, point, points):
    """Where a point is when all of them are seen, in pixels of the map."""
    width, height = (page.script(f"return document.getElementById('map').client{side}") for side in ("Width", "Height"))
    (left, right), (top, bottom) = ((min(axis), max(axis)) for axis in zip(*points.values()))
    scale = 0.92 * min(width / (right - left), height / (bottom - top))
    return (point[0] - (left + right) / 2) * scale + width / 2, (point[1] - (top + bottom) / 2) * scale + height / 2


def maps(page):
    step("the map: what is found lights up, zoom, pan, point, press")
    page.go("#map?in=books")
    page.until("the map", lambda: page.one("#marks").get_attribute("data-milliseconds"))
    assert not page.one("#map-wait").is_displayed()
    _, data = page.fetched("collections/books/map")
    ids = struct.unpack(f"<{data['count']}d", base64.b64decode(data["ids"]))
    flat = struct.unpack(f"<{2 * data['count']}f", base64.b64decode(data["points"]))
    points = {int(passage): flat[2 * i : 2 * i + 2] for i, passage in enumerate(ids)}
    passages = {one["name"]: one["passages"] for one in page.fetched("stats")[1]["collections"]}
    assert len(points) == data["count"] == passages["books"]
    assert len(page.all("#legend button")) == 5
    search(page, "white whale")
    page.until("lights", lambda: page.one("#marks").get_attribute("data-lit") == "100")
    time.sleep(0.3)
    page.picture("map")
    best = page.script("return [...document.querySelectorAll('#results li')].map((one) => Number(one.dataset.id))")
    box = page.one("#map").location
    image = page.image()
    lit = 0
    for passage in best[:30]:
        x, y = fitted(page, points[passage], points)
        red, green, blue = image.getpixel((round(box["x"] + x), round(box["y"] + y)))
        lit += red > 180 and green < 140 and blue < 100
    assert lit >= 15, f"{lit} of 30 points are lit up"

    x, y = fitted(page, points[best[0]], points)
    page.press_at("#marks", x, y)
    page.until("the passage pressed", lambda: page.all(".part.here"))
    near = points[int(query(page)["passage"][0])]
    assert max(abs(a - b) for a, b in zip(near, points[best[0]])) < 0.04
    page.keys(Keys.ESCAPE)
    page.until("the map alone", lambda: not page.one("#reader").is_displayed())

    before = page.script("return document.getElementById('points').width")
    page.click("#zoom-in")
    page.until("zoom in the address", lambda: query(page).get("at", [""])[0].endswith(",1.600"))
    center = query(page)["at"]
    page.drag("#marks", 120, 40)
    page.until("a new center", lambda: query(page)["at"] != center)
    at = query(page)["at"]
    page.driver.refresh()
    page.until("the lights again", lambda: page.one("#marks").get_attribute("data-lit") == "100")
    assert query(page)["at"] == at
    assert page.script("return document.getElementById('points').width") == before
    page.click("#zoom-all")
    page.until("all of it", lambda: "at" not in query(page))

    step("the map by keyboard")
    page.script("document.getElementById('marks').focus()")
    page.keys(Keys.ARROW_RIGHT)
    page.until("a passage read out", lambda: ".txt, line" in page.text("#map-says"))
    said = page.text("#map-says")
    page.keys(Keys.ARROW_DOWN)
    page.until("another one", lambda: page.text("#map-says") != said and page.one("#tip").is_displayed())
    page.keys("+", Keys.ENTER)
    page.until("its document", lambda: page.all(".part.here"))
    page.keys(Keys.ESCAPE)
    page.until("back on the map", lambda: page.focused("#marks"))
    page.named()
    page.quiet()


def compares(page):
    step("similarity")
    page.go("#similarity")
    page.until("nine numbers", lambda: len(page.all("#similarities td")) == 10)  # and the empty corner
    values = [float(text) for text in page.texts("#similarities tbody td")]
    assert values[0] == values[4] == values[8] == 1 and values[1] == values[3]
    assert values[1] > values[2], "a cat is more like a feline than like stock prices"
    page.picture("similarity")
    page.click("#add-text")
    page.keys("bread rises because of yeast")
    page.until("sixteen numbers", lambda: len(page.texts("#similarities tbody td")) == 16)
    page.until("the texts in the address", lambda: len(query(page).get("t", [])) == 4)
    page.named()
    page.quiet()


def talks(page, has_own_model):
    step("chat with sources, and stopped")
    page.go("#chat")
    page.click("#chat-collections label:first-of-type")
    page.click("#message")
    page.keys("Who hunts the white whale?", Keys.ENTER)
    page.until("an answer", lambda: page.all(".turn.assistant:not(.under-way)"))
    assert page.text(".turn.assistant .answer")
    assert not page.all(".turn .error"), page.text(".turn .error")
    assert page.all(".sources li"), "the answer has sources"
    if has_own_model:
        page.picture("chat")
    page.click(".sources li:first-child a")
    page.until("the source", lambda: page.all(".part.here"))
    page.keys(Keys.ESCAPE)
    page.until("the talk", lambda: not page.one("#reader").is_displayed())
    page.click("#forget")
    page.click("#chat-collections label:first-of-type")
    page.replace("#max-tokens", "600")
    page.click("#message")
    page.keys("Tell me of whales.", Keys.ENTER)
    page.until("its beginning", lambda: page.text(".turn.assistant .answer"))
    page.keys(Keys.ESCAPE)
    page.until("its end", lambda: page.all(".turn.assistant:not(.under-way)"))
    assert re.search("stopped|tokens? in", page.text(".turn.assistant .aside")), page.text(".turn.assistant")
    page.named()
    page.quiet()


def tells(page):
    step("what is indexed")
    page.go("#indexed?of=books")
    page.until("documents", lambda: len(page.all("#document-list li")) == 5)
    _, stats = page.fetched("stats")
    rows = page.texts("#collection-table tbody tr")
    for one, row in zip(stats["collections"], rows, strict=True):
        assert one["name"] in row and f"{one['passages']:,}" in row and one["model"] in row, row
    assert f"{sum(one['passages'] for one in stats['collections']):,}" in page.text("#figures")
    page.named()
    page.quiet()


def looks(page):
    step("dark and light, wide and narrow")
    background = "return getComputedStyle(document.body).backgroundColor"
    page.go("#search?q=white+whale")
    light = page.script(background)
    page.scheme("dark")
    dark = page.script(background)
    assert light != dark
    page.until("passages", lambda: page.all("#results li"))
    page.picture("search-dark")
    page.go("#map?in=books&q=white+whale")
    page.until("lights", lambda: page.one("#marks").get_attribute("data-lit") == "100")
    time.sleep(0.3)
    page.picture("map-dark")
    page.click("#theme")
    assert page.script(background) == light and "Light" in page.one("#theme").accessible_name
    page.driver.refresh()
    page.until("the choice of before", lambda: page.script(background) == light)
    page.click("#theme")
    assert page.script(background) == dark
    page.click("#theme")
    page.scheme("light")
    assert page.script(background) == light
    page.width(360, 740)
    for view in ("search?q=white+whale", "map?q=white+whale", "chat", "similarity", "indexed?of=books"):
        page.go(f"#{view}")
        page.until("the view", lambda: page.all("main > section:not([hidden])"))
        assert page.script("return document.documentElement.scrollWidth") <= 360, view
    page.go("#search?q=white+whale")
    page.until("passages", lambda: page.all("#results li"))
    page.picture("narrow")
    page.click("#results li a")
    page.until("the document", lambda: page.all(".part.here"))
    assert not page.one("#finder").is_displayed(), "it takes the place of the list"
    page.click("#reader-close")
    page.until("the list", lambda: page.one("#finder").is_displayed())
    page.width(None)
    page.quiet()


def asks_for_key(minke, folder, collection, pictures):
    step("a key where the server asks for one")
    path = f"{folder}/key"
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("sk-right-key-0123456789abcdef\n")
    with server(minke, "--in", collection, "--api-key-file", path) as address, Browser(address, pictures) as page:
        page.driver.get(f"{address}/#search?q=white+whale")
        page.until("the question", lambda: page.one("#key-dialog").is_displayed())
        page.keys("wrong", Keys.ENTER)
        page.until("the question once more", lambda: "does not know" in page.text("#key-error"))
        page.keys("sk-right-key-0123456789abcdef", Keys.ENTER)
        page.until("passages", lambda: page.all("#results li") and not page.one("#key-dialog").is_displayed())
        page.driver.refresh()
        page.until("passages without a question", lambda: page.all("#results li"))
        page.quiet("401")


def many(minke, folder, pictures):
    step("a map of 100,000 points")
    words = re.findall(r"[a-z]{4,}", (ROOT / "Examples/books/moby-dick.txt").read_text().lower())
    chance = random.Random(1)
    path = f"{folder}/many.minke"
    starts = enumerate(chance.randrange(len(words) - 8) for _ in range(100_000))
    index(minke, path, "-", lines=[{"id": f"{n % 12}/{n}", "text": " ".join(words[at : at + 8])} for n, at in starts])
    with server(minke, "--in", path) as address, Browser(address, pictures) as page:
        page.go("#map?q=white+whale")
        start = time.monotonic()
        while page.fetched("collections/many/map")[0] == 202:
            assert time.monotonic() < start + 900
            time.sleep(1)
        step(f"  laid out after {time.monotonic() - start:.0f} s")
        page.until("lights", lambda: page.one("#marks").get_attribute("data-lit") == "100")
        times = page.driver.execute_async_script("""
            const done = arguments[0], marks = document.getElementById("marks"), times = [];
            let last = performance.now();
            const step = (now) => {
              times.push(now - last);
              last = now;
              if (times.length > 60) return done(times.slice(1).sort((a, b) => a - b));
              const deltaY = times.length % 20 < 10 ? -40 : 40;
              marks.dispatchEvent(new WheelEvent("wheel", { deltaY, clientX: 800, clientY: 400, cancelable: true }));
              requestAnimationFrame(step);
            };
            requestAnimationFrame(step);""")
        step(f"  zooming: {times[30]:.0f} ms a frame, {times[57]:.0f} ms at p95, drawn by hand on this processor")
        page.picture("map-many")
        page.quiet()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("minke", type=os.path.abspath)
    parser.add_argument("--pictures", type=pathlib.Path)
    parser.add_argument("--chat-model")
    parser.add_argument("--large", action="store_true", help="also a map of 100,000 points")
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        books, odd = f"{folder}/books.minke", f"{folder}/odd.minke"
        index(options.minke, books, "books")
        index(options.minke, odd, "-", lines=HOSTILE)
        chat_model = options.chat_model or long_model(f"{folder}/spikewhale-tiny")
        with server(options.minke, "--in", books, "--in", odd, "--chat-model", chat_model) as address:
            with Browser(address, options.pictures) as page:
                for part in (searches, reads, resists, maps, compares, tells, looks):
                    part(page)
                talks(page, bool(options.chat_model))
        asks_for_key(options.minke, folder, books, options.pictures)
        if options.large:
            many(options.minke, folder, options.pictures)
    print("the page works")


if __name__ == "__main__":
    main()

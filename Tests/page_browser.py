"""Chromium without a window, and what a person does in it."""

import io
import json
import time
import urllib.request

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

# Patience for a machine that is busy with something else; nothing waits that long where all is well.
PATIENCE = 180


class Browser:
    """One window of the page at an address."""

    def __init__(self, address, pictures):
        self.address, self.pictures = address, pictures
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,860"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService("/usr/bin/chromedriver")
        self.driver = webdriver.Chrome(options=options, service=service)
        self.scheme("light")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind and self.pictures:
            self.driver.save_screenshot(f"{self.pictures}/failed.png")
        self.driver.quit()

    def go(self, fragment=""):
        # From elsewhere, so that the page is loaded and not only its fragment changed.
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/{fragment}")
        self.until("the status", lambda: "passages" in self.text("#status"))

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def texts(self, selector):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)

    def click(self, selector):
        # As a person scrolls: not to the very edge, where the bar lies above what is there.
        element = self.one(selector)
        self.script("arguments[0].scrollIntoView({ block: 'center' })", element)
        element.click()

    def keys(self, *keys):
        """Presses keys wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def replace(self, selector, text):
        self.one(selector).send_keys(Keys.CONTROL, "a")
        self.one(selector).send_keys(text or Keys.DELETE)

    def press_at(self, selector, x, y):
        """Clicks at a place within an element, counted from its upper left corner."""
        size = self.one(selector).size
        action = ActionChains(self.driver, duration=50)
        action.move_to_element_with_offset(self.one(selector), x - size["width"] / 2, y - size["height"] / 2)
        action.click().perform()

    def drag(self, selector, dx, dy):
        action = ActionChains(self.driver, duration=50)
        action.click_and_hold(self.one(selector)).move_by_offset(dx, dy).release().perform()

    def until(self, what, holds):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come; the console: {self.driver.get_log('browser')}")

    @property
    def fragment(self):
        return self.script("return location.hash")

    def focused(self, selector):
        return self.script("return document.activeElement.matches(arguments[0])", selector)

    def scheme(self, name):
        features = {"prefers-color-scheme": name, "prefers-reduced-motion": "reduce"}
        features = [{"name": feature, "value": value} for feature, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def width(self, pixels, height=860):
        if pixels:
            metrics = {"width": pixels, "height": height, "deviceScaleFactor": 1, "mobile": True}
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        else:
            self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def image(self):
        return Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")

    def picture(self, name):
        if self.pictures:
            # Few colors, of which none that is rare is lost: a third of the bytes.
            image = self.image().quantize(255, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            image.save(f"{self.pictures}/page-{name}.png", optimize=True)

    def quiet(self, *expected):
        """No error stands in the console but those that hold one of the expected words."""
        log = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        unexpected = [message for message in log if not any(word in message for word in expected)]
        assert not unexpected, unexpected

    def named(self):
        """Whatever can be used on the page has a name that can be read out."""
        for element in self.all("a, button, input, select, textarea, [tabindex='0']"):
            # What lies transparent over its label is not displayed to selenium, but it is to people.
            if self.script("return arguments[0].checkVisibility()", element):
                assert element.accessible_name, element.get_attribute("outerHTML")

    def fetched(self, path):
        """What the server itself says."""
        with urllib.request.urlopen(f"{self.address}/{path}") as answer:
            return answer.status, json.load(answer)

# SPDX-License-Identifier: MIT
"""A browser for the tests of the page: Debian's Chromium, driven by its own driver, with everything off that asks the
network."""

import json
import os
import pathlib
import shutil
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from compare.page import page

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
MISSING = "the page is tested in a real browser: apt-get install chromium chromium-driver (%s is not there)"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)
READY_S = 60
PROBE = (pathlib.Path(__file__).parent / "page_probe.js").read_text(encoding="utf-8")


class Browser:
    """A Chromium of its own, with a profile of its own that goes away with it."""

    def __init__(self):
        for program in (CHROMIUM, DRIVER):
            assert os.access(program, os.X_OK), MISSING % program
        os.environ["SE_OFFLINE"] = "true"
        self.profile = tempfile.mkdtemp()
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, "--user-data-dir=" + self.profile):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        self.document = self.path = self.showing = None

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, document, path, width=1280, height=900, **media):
        """Writes the page of a document to path and opens it at this width; media: prefers_color_scheme="dark" and the
        like."""
        page.write(document, path)
        self.document = document
        self.open_file(path, width, height, **media)

    def open_file(self, path, width=1280, height=900, **media):
        self.path = path
        self.resize(width, height)
        self.emulate(**media)
        self.logged(), self.requested()
        self.driver.get(path.as_uri())
        WebDriverWait(self.driver, READY_S).until(
            lambda driver: self.script("return document.documentElement.dataset.ready === 'yes'")
        )

    def show(self, make, path, **how):
        """Opens the page of make() like open, unless just that is shown in the same colours; the window is resized."""
        if self.showing == (make, how):
            self.resize(how.get("width", 1280))
            return
        self.open(make(), path, **how)
        self.showing = make, how

    def resize(self, width, height=900):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def emulate(self, kind="", **media):
        self.showing = None
        features = {"prefers_color_scheme": "light", **media}
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {
                "media": kind,
                "features": [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()],
            },
        )

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def ask(self, name, *arguments):
        """Returns the answer of a function of page_probe.js."""
        return self.script("%s\nreturn %s(...arguments)" % (PROBE, name), *arguments)

    def ask_later(self, name):
        """Returns what a function of page_probe.js gives to the function that it is called with."""
        return self.driver.execute_async_script("%s\n%s(...arguments)" % (PROBE, name))

    def find(self, selector):
        return self.driver.find_elements("css selector", selector)

    def wait(self, condition, *arguments):
        """Waits until a script's result is true, and returns it."""
        return WebDriverWait(self.driver, READY_S, poll_frequency=0.05).until(
            lambda driver: self.script(condition, *arguments)
        )

    def until(self, condition):
        """Waits until a condition holds."""
        WebDriverWait(self.driver, READY_S, poll_frequency=0.05).until(lambda driver: condition())

    def logged(self):
        """Returns what the console was told since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self):
        """Returns the addresses that pages asked for since the last call; the browser's own first page is none."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
            and not message["params"]["documentURL"].startswith("chrome://")
        ]

    def run(self, key):
        """Returns the run of the document whose key is "experiment.run"."""
        experiment, number = map(int, key.split("."))
        return self.document["experiments"][experiment]["runs"][number]

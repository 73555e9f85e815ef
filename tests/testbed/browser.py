"""A real browser without a screen: the Chromium or Chrome of this machine, and its driver."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from scripts.setup.services import BROWSERS

# It is to do nothing but what a test tells it.
QUIET = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


class Browser:
    """A browser with one page. Get one from `browser`."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(
        self,
        page: Path,
        *,
        width: int = 1280,
        height: int = 900,
        scheme: str = "light",
        zone: str = "Europe/Berlin",
    ) -> None:
        """Open a file on a screen of this size, for a viewer in this zone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._tell("Emulation.setDeviceMetricsOverride", **size)
        self.emulate(scheme=scheme)
        self._tell("Emulation.setTimezoneOverride", timezoneId="")
        self._tell("Emulation.setTimezoneOverride", timezoneId=zone)
        self.driver.get(page.as_uri())

    def emulate(self, *, media: str = "", scheme: str = "light") -> None:
        """Have the page shown on paper (`media="print"`), or to who likes it light or dark."""
        likes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in likes.items()]
        self._tell("Emulation.setEmulatedMedia", media=media, features=features)

    def print(self) -> str:
        """Print the page; returns a PDF in base 64."""
        pdf: str = self._tell("Page.printToPDF")["data"]
        return pdf

    def run(self, script: str, *arguments: object) -> Any:
        """The value of a script that returns one."""
        return self.driver.execute_script(script, *arguments)

    def said(self) -> list[str]:
        """What the page wrote to the console since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def _tell(self, command: str, **arguments: object) -> dict[str, Any]:
        answer: dict[str, Any] = self.driver.execute_cdp_cmd(command, arguments)
        return answer


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Run a browser for as long as a block lasts.

    Args:
        folder: Where it keeps its things; empty.
    """
    found = [path for name in BROWSERS if (path := shutil.which(name))]
    driver = shutil.which("chromedriver")
    assert found and driver, "no browser: run 'python3 -m scripts.setup browser'"
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for flag in (*QUIET, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With a path given, Selenium looks for nothing and downloads nothing.
    started = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()

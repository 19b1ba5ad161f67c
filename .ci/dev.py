"""`latchkey dev` and Chromium, for the tests in a browser."""

import os, re, subprocess, sys, tempfile, time

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "debug", "latchkey")
SHOTS = os.path.join(ROOT, "artifacts")
os.makedirs(SHOTS, exist_ok=True)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


class Dev:
    """One that runs: the provider at `port`, the apps and the APIs behind it, everything in a folder that is gone with it."""

    def __init__(self, port):
        self.issuer = f"http://localhost:{port}"
        self.apps = [f"http://localhost:{port + 1}/", f"http://localhost:{port + 3}/"]
        self.folder = tempfile.TemporaryDirectory(prefix="latchkey-dev-")
        data = self.folder.name
        self.env = {**os.environ, "LATCHKEY_ISSUER": self.issuer, "LATCHKEY_LISTEN": f"127.0.0.1:{port}",
                    "LATCHKEY_DATABASE_URL": f"sqlite://{data}/latchkey.db", "LATCHKEY_KEYS_DIR": f"{data}/keys"}
        self.spa = f"http://localhost:{port + 4}/"
        options = ("--app-port", "--api-port", "--second-app-port", "--spa-port", "--second-api-port", "--other-port", "--stand-in-port")
        ports = [word for number, option in enumerate(options, 1) for word in (option, str(port + number))]
        self.server = subprocess.Popen([BIN, "dev", "--data", data, *ports], env=self.env, stdout=subprocess.PIPE, text=True)
        self.passwords = {}
        for line in self.server.stdout:
            if found := re.search(r"(\w+)\s+password (\S+)", line):
                self.passwords[found.group(1)] = found.group(2)
            if "Ctrl-C" in line:
                time.sleep(0.3)
                return
        sys.exit("latchkey dev did not start")

    def latchkey(self, *command, said=None):
        """What a command says that runs beside it."""
        return subprocess.run([BIN, *command], env=self.env, input=said, stdout=subprocess.PIPE, text=True, check=True).stdout

    def end(self):
        self.server.terminate()
        self.server.wait()
        self.folder.cleanup()


def chromium(language="en-US", dark=False, width=1280, height=800, scripts=True, logs=None):
    """`scripts`: whether pages may run theirs. `logs`: which logs are kept, as {"performance": "ALL"}."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    # A page whose frames never answer is there all the same.
    options.page_load_strategy = "eager"
    for flag in [*FLAGS, f"--window-size={width},{height}", f"--lang={language}", f"--accept-lang={language}"]:
        options.add_argument(flag)
    if logs:
        options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.look = {"dark": dark, "width": width, "height": height, "scripts": scripts}
    dress(driver)
    return driver


def dress(driver):
    """Size, colours and scripts of the tab that is looked at; a new tab has none of it."""
    look = driver.look
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": look["width"], "height": look["height"], "deviceScaleFactor": 1, "mobile": look["width"] < 500})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if look["dark"] else "light"}]})
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not look["scripts"]})


def by(driver, element, seconds=15):
    return WebDriverWait(driver, seconds, poll_frequency=0.05).until(lambda d: d.find_element(By.ID, element))


def press(driver, element, seconds=15):
    """Once it is there. A page that loads itself again may take it away in between."""
    WebDriverWait(driver, seconds, poll_frequency=0.05, ignored_exceptions=(StaleElementReferenceException, NoSuchElementException)).until(
        lambda d: d.find_element(By.ID, element).click() or True)


def write(driver, element, text):
    by(driver, element).clear()
    by(driver, element).send_keys(text)


def sign_in(driver, dev, user):
    """On the provider's page."""
    write(driver, "username", user)
    write(driver, "password", dev.passwords[user])
    press(driver, "sign-in")

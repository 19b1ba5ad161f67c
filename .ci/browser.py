"""Sign-in, consent and sign-out in real Chromium, on `latchkey dev`; screenshots go to artifacts/."""

import os

import accessibility
from dev import SHOTS, Dev

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.ui import WebDriverWait

APP = "http://localhost:9181/"
FORM_POST = ("http://localhost:9180/authorize?response_mode=form_post&response_type=code&client_id=demo-app&scope=openid"
             "&redirect_uri=http%3A%2F%2Flocalhost%3A9181%2Fcallback")


def open_browser(language, dark=False, width=1100, height=800):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--window-size={width},{height}", f"--lang={language}", f"--accept-lang={language}"]
    for flag in flags + (["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    if width < 500:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True})
    return driver


PRESSED_TWICE = """
    const prevented = [];
    addEventListener("submit", (event) => prevented.push(event.defaultPrevented));
    arguments[0].click();
    arguments[0].click();
    return prevented;
"""


def flow(password, language, dark, width, height, name):
    driver = open_browser(language, dark, width, height)

    def shot(page):
        driver.save_screenshot(os.path.join(SHOTS, f"{page}-{name}.png"))
        accessibility.check(driver, f"{page} ({name})")

    by = lambda element: WebDriverWait(driver, 15).until(lambda d: d.find_element(By.ID, element))

    def press(element):
        pressed = by(element)
        pressed.click()
        # The next page may have the same elements. While one takes the place of the other, Chromium may know the element and not its document.
        WebDriverWait(driver, 15, ignored_exceptions=[WebDriverException]).until(staleness_of(pressed))

    def press_twice(element):
        prevented = driver.execute_script(PRESSED_TWICE, by(element))
        assert prevented == [False, True], prevented

    errors = lambda: [entry for entry in driver.get_log("browser") if "favicon" not in entry["message"]]
    try:
        driver.get(APP)
        press("sign-in")
        by("password")
        shot("login")
        by("username").send_keys("alice")
        by("password").send_keys("wrong")
        press("sign-in")
        by("login-error")
        shot("login-error")
        by("password").send_keys(password)
        press_twice("sign-in")
        by("allow")
        assert by("scope-email")
        shot("consent")
        press_twice("allow")
        by("subject")
        shot("demo")
        for button in ("refresh", "userinfo", "api"):
            press(button)
            by("subject")
            assert not driver.find_elements(By.ID, "problem"), driver.page_source
        assert "The API verified this token" in driver.page_source, driver.page_source
        press("sign-out")
        by("sign-in")
        # An app may sign users in in a popup, and hears of it there.
        driver.execute_script("window.open('/login', 'popup')")
        WebDriverWait(driver, 15).until(lambda d: len(d.window_handles) == 2)
        driver.switch_to.window(driver.window_handles[1])
        by("username").send_keys("alice")
        by("password").send_keys(password)
        press("sign-in")
        by("subject")
        assert driver.execute_script("return window.opener !== null")
        driver.close()
        driver.switch_to.window(driver.window_handles[0])
        # The answer in a form that sends itself; the demo app takes none, but it arrives.
        driver.get(FORM_POST)
        WebDriverWait(driver, 15).until(lambda d: d.current_url == APP + "callback")
        driver.get("http://localhost:9180/logout")
        by("sign-out")
        shot("logout")
        press("sign-out")
        by("signed-out")
        shot("signed-out")
        driver.get("http://localhost:9180/authorize?client_id=nobody")
        assert by("error-page").get_attribute("data-error") == "invalid_client"
        shot("error")
        driver.get("http://localhost:9180/")
        shot("start")
        blocked = [e for e in errors() if "Content Security Policy" in e["message"]]
        assert not blocked, blocked
        print(f"  {name}: signed in, allowed, refreshed, asked, called, signed out", flush=True)
    finally:
        driver.quit()


looks = [("en-US", False, 1100, 800, "en-light-wide"), ("en-US", True, 390, 844, "en-dark-narrow"), ("ko-KR", False, 390, 844, "ko-light-narrow"), ("ko-KR", True, 1100, 800, "ko-dark-wide")]
for look in looks:
    # Anew each time: consent is remembered.
    dev = Dev(9180)
    try:
        flow(dev.passwords["alice"], *look)
    finally:
        dev.end()
print(f"{len(looks)} passed, 0 failed", flush=True)

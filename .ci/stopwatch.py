"""The single-page app of `latchkey dev` and its stopwatch in Chromium: a session is ended, and both APIs are seen to refuse within two seconds.

Screenshots go to artifacts/.
"""

import os, re

import accessibility
from dev import SHOTS, Dev, by, chromium, press, sign_in

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# In seconds: what is promised, and how long the page may take to show it.
WITHIN, SHOWS_WITHIN = 2, 15
# Language, dark, width, height; what the page says at the end.
LOOKS = [("en-US", False, 1280, 800, "en-light-wide", "The session has ended everywhere"),
         ("en-US", True, 390, 844, "en-dark-narrow", "The session has ended everywhere"),
         ("ko-KR", False, 390, 844, "ko-light-narrow", "모든 곳에서 세션이 끝났습니다"),
         ("ko-KR", True, 1280, 800, "ko-dark-wide", "모든 곳에서 세션이 끝났습니다")]
ROWS = ("first", "second", "app")


def shot(driver, page, name):
    driver.save_screenshot(os.path.join(SHOTS, f"{page}-{name}.png"))
    wide = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["width"]
    assert wide <= driver.look["width"], f"{page} is {wide} pixels wide"
    accessibility.check(driver, f"{page} ({name})")


def state(driver, row):
    return driver.find_element(By.ID, row).get_attribute("class")


def until(driver, condition):
    WebDriverWait(driver, SHOWS_WITHIN, poll_frequency=0.05).until(condition)


def seconds(driver, row):
    """As the page shows it."""
    return float(re.match(r"[\d.]+", driver.find_element(By.CSS_SELECTOR, f"#{row} .time").text)[0])


def watch(dev, language, dark, width, height, name, says):
    driver = chromium(language, dark, width, height, logs={"browser": "ALL"})
    try:
        # By the app's own page, which links to it.
        driver.get(dev.spa)
        until(driver, lambda d: d.find_elements(By.CSS_SELECTOR, "nav button"))
        driver.find_element(By.CSS_SELECTOR, "nav a[href='/stopwatch']").click()
        by(driver, "stopwatch")
        shot(driver, "stopwatch-signed-out", name)
        press(driver, "sign-in")
        sign_in(driver, dev, "alice")
        until(driver, lambda d: d.current_url == f"{dev.spa}stopwatch" and d.find_element(By.ID, "end").is_displayed())
        assert [state(driver, row) for row in ROWS] == ["taken"] * 3, driver.page_source
        shot(driver, "stopwatch-before", name)
        press(driver, "end")
        until(driver, lambda d: says in d.find_element(By.ID, "verdict").text)
        assert [state(driver, row) for row in ROWS] == ["refused"] * 3, driver.page_source
        after = {row: seconds(driver, row) for row in ROWS}
        assert all(time < WITHIN for time in after.values()), after
        shot(driver, "stopwatch", name)
        # It is a real end: the app asks for a sign-in, and the provider for the password.
        press(driver, "sign-in")
        by(driver, "password")
        blocked = [entry for entry in driver.get_log("browser") if "Content Security Policy" in entry["message"]]
        assert not blocked, blocked
        print(f"  {name}: refused after {', '.join(f'{time} s ({row})' for row, time in after.items())}", flush=True)
    except Exception:
        driver.save_screenshot(os.path.join(SHOTS, f"stopwatch-failed-{name}.png"))
        raise
    finally:
        driver.quit()


dev = Dev(9360)
try:
    for look in LOOKS:
        watch(dev, *look)
finally:
    dev.end()
print(f"{len(LOOKS)} passed, 0 failed", flush=True)

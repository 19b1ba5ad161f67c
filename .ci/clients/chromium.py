"""Chromium, for apps that live in the browser."""

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import browser

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--lang=en",
         # The certificate of the run is known to nobody.
         "--ignore-certificate-errors")


class Chromium:
    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in FLAGS:
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))

    def open(self, url):
        self.driver.get(url)

    def press(self, element):
        self.wait(lambda: self.driver.find_element(By.ID, element)).click()

    def text(self, element):
        found = self.driver.find_elements(By.ID, element)
        return found[0].text if found else ""

    def wait(self, condition, seconds=15):
        """Until `condition` answers something; pages may change in between."""
        return WebDriverWait(self.driver, seconds, ignored_exceptions=(Exception,)).until(lambda _: condition())

    def sign_in(self, issuer):
        """Fills Latchkey's pages, until they are left."""
        self.type("username", browser.USER)
        self.type("password", browser.PASSWORD)
        self.press("sign-in")

        def left():
            if not self.driver.current_url.startswith(issuer):
                return True
            if self.driver.find_elements(By.ID, "allow"):
                self.press("allow")
            return False

        self.wait(left)

    def type(self, element, text):
        self.wait(lambda: self.driver.find_element(By.ID, element)).send_keys(text)

    def console(self):
        return "\n".join(entry["message"] for entry in self.driver.get_log("browser") if "favicon" not in entry["message"])

    def close(self):
        self.driver.quit()

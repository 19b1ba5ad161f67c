"""Each page of the console in real Chromium, with a change on each that can change something, on `latchkey dev`; screenshots go to
artifacts/. The pages are those of the route table: one that is not walked, or whose form is not sent, is a failure."""

import os, re, shutil, subprocess, sys, tempfile, time, urllib.request
from urllib.parse import urlparse

import accessibility

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.ui import Select, WebDriverWait

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.join(ROOT, os.environ.get("CARGO_TARGET_DIR", "target"), "debug", "latchkey")
SHOTS = os.path.join(ROOT, "artifacts")
os.makedirs(SHOTS, exist_ok=True)
AT, NEW, APP = "http://localhost:9280", "http://localhost:9290", "http://localhost:9281/"
TABLE = os.path.join(ROOT, "crates", "console", "src", "route.rs")
# These show nothing: they lead on, and every sign-in goes through them.
LEAD_ON = {("Get", "/admin/sign-in"), ("Get", "/admin/callback")}


def routes():
    """Method and address of each line of the console's route table, those with fewer variable parts first."""
    with open(TABLE, encoding="utf-8") as source:
        found = re.findall(r'route!\(\s*(Get|Post)\s+"([^"]+)"', source.read())
    assert len(found) > 50, "the route table is written in another way"
    return sorted(found, key=lambda route: route[1].count("{"))


ROUTES = routes()


def route(method, address):
    """The line of the table that answers an address; none where it is no page of the console."""
    path = urlparse(address).path
    for line in ROUTES:
        if line[0] == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", line[1]), path):
            return line
    return None


def open_browser(language, dark, width, height):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                 "--disable-sync", "--disable-dev-shm-usage", f"--window-size={width},{height}", f"--lang={language}", f"--accept-lang={language}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    # Pages work without scripts, so they are walked without.
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    return driver


def walk(password, language, dark, width, height, name):
    driver = open_browser(language, dark, width, height)
    walked = set(LEAD_ON)

    def shot(page):
        walked.add(route("Get", driver.current_url))
        driver.save_screenshot(os.path.join(SHOTS, f"console-{page}-{name}.png"))
        metrics = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})
        wide = metrics["cssContentSize"]["width"]
        assert wide <= width, f"{page} is {wide} pixels wide"
        cut = accessibility.ask(driver, "return [...document.querySelectorAll('.panel')].filter(p => p.scrollWidth > p.clientWidth + 1).map(p => p.innerText.slice(0, 60))")
        assert not cut, f"{page} ({name}): these have to be scrolled sideways: {cut}"
        accessibility.check(driver, f"{page} ({name})", scripts=False)

    by = lambda element: WebDriverWait(driver, 15).until(lambda d: d.find_element(By.ID, element))

    def write(element, text):
        by(element).clear()
        by(element).send_keys(text)

    def press(element, page=None):
        if page:
            shot(page)
        pressed, sent = by(element), None
        is_button = pressed.tag_name == "button"
        if is_button:
            form = pressed.find_element(By.XPATH, "ancestor::form")
            if form.get_dom_attribute("method") == "post":
                sent = route("Post", form.get_dom_attribute("action") or driver.current_url)
        pressed.click()
        if not is_button:
            return
        # While one page takes the place of the other, Chromium may know the element and not its document: it is asked again.
        WebDriverWait(driver, 15, ignored_exceptions=[WebDriverException]).until(staleness_of(pressed))
        # A form that is shown again with what is wrong in it was not carried out.
        if sent and accessibility.ask(driver, "return performance.getEntriesByType('navigation')[0].responseStatus") < 400:
            walked.add(sent)

    def sign_in():
        write("username", "admin")
        write("password", password)
        press("sign-in")
        by("main")

    def app():
        """The administrator is signed in to an app, too, and allows it what it asks for."""
        driver.get(APP + "login")
        press("allow")
        by("subject")

    def done():
        by("notice")

    def choose(element, value):
        Select(by(element)).select_by_value(value)

    def clients():
        driver.get(AT + "/admin/clients")
        press("new", "clients")
        by("template-web")
        shot("client-templates")
        press("template-web")
        write("client_name", "Shop")
        write("redirect_uris", "http://shop.example/callback")
        by("require_pkce").click()
        press("save", "client-new")
        assert by("redirect_uris-problem")
        shot("client-problems")
        write("redirect_uris", "https://shop.example/callback")
        write("client_id", "shop-" + name)
        press("save")
        assert by("client-secret").text.startswith("lk_secret_")
        press("onward", "client-secret")
        by("recipe-1")
        shot("client-connect")
        driver.get(AT + "/admin/clients?q=shop-" + name)
        press("edit", "client")
        assert by("require_pkce").is_selected()
        write("client_name", "Shop of Seoul")
        press("save", "client-edit")
        done()
        press("access")
        by("limited").click()
        write("groups", "staff")
        write("users", "admin")
        press("save", "client-access")
        done()
        shot("client-users")
        at = AT + "/admin/clients/shop-" + name
        driver.get(at + "/preview")
        write("user", "admin")
        press("find")
        by("given")
        shot("client-preview")
        driver.get(at + "/consents")
        by("main")
        shot("client-consents")
        press("rotate")
        choose("keep_old", "24h")
        press("confirm", "client-rotate")
        press("to-client")
        by("former")
        for verb in ("disable", "enable"):
            press(verb)
            press("confirm", f"client-{verb}")
            done()
        press("delete", "client-after")
        press("confirm", "client-delete")
        done()

    def set_up():
        with first_start() as link:
            driver.get(link)
            write("username", "first")
            write("name", "Han So-yeon")
            write("password", "short")
            press("create", "setup")
            by("problem")
            write("password", "a password of the first")
            press("create")
            by("sign-in")

    def own():
        """What the administrator's own page has of the app that they are signed in to."""
        driver.get(AT + "/admin/users?q=admin")
        assert driver.find_elements(By.CSS_SELECTOR, "#devices strong")
        shot("user-signed-in")
        driver.find_element(By.CSS_SELECTOR, "#consents a.revoke")
        driver.get(driver.current_url.split("?")[0] + "/consents")
        by("main")
        shot("user-consents")
        driver.find_element(By.CSS_SELECTOR, "a.revoke").click()
        press("confirm", "consent-revoke")
        done()

    def reference():
        driver.get(AT + "/admin/api")
        by("main")
        shot("api-reference")

    try:
        set_up()
        reference()
        driver.get(AT + "/admin")
        sign_in()
        app()
        driver.get(AT + "/admin?period=week")
        by("main")
        shot("overview")
        own()
        driver.get(AT + "/admin/users")
        press("new", "users")
        write("username", "minji")
        write("name", "Kim Min-ji")
        write("email", "minji@example")
        write("password", "short")
        write("roles", "editor\nadmin of the wiki")
        press("save", "user-new")
        assert by("password-problem")
        shot("user-problems")
        write("email", "minji@example.org")
        write("password", "a password of minji")
        press("save")
        done()
        press("edit", "user")
        write("name", "Kim Minji")
        press("save", "user-edit")
        done()
        press("set-password")
        write("password", "another password of minji")
        press("save", "user-password")
        done()
        for verb in ("disable", "enable", "end-sessions"):
            press(verb)
            press("confirm", f"user-{verb}")
            done()
        press("delete", "user-after")
        press("confirm", "user-delete")
        done()
        driver.get(AT + "/admin/users?q=minji")
        assert by("unknown")
        clients()
        driver.get(AT + "/admin/audit")
        choose("event", "user delete")
        press("find", "audit")
        by("main")
        assert "minji" in driver.page_source
        driver.get(AT + "/authorize?client_id=nobody")
        reference = by("error-ref").text
        time.sleep(1)
        driver.get(AT + "/admin/refusals")
        write("reference", reference)
        press("explain")
        by("explained")
        press("all-refusals")
        write("reason", "ClientUnknown")
        choose("within", "hour")
        press("find")
        assert by("reason").get_dom_attribute("value") == "ClientUnknown"
        shot("refusals")
        driver.find_element(By.CSS_SELECTOR, f"a.refusal[href$='/{reference}']").click()
        by("explained")
        shot("refusal")
        driver.get(AT + "/admin/keys")
        press("rotate")
        press("confirm", "key-rotation")
        done()
        shot("keys")
        driver.find_element(By.CSS_SELECTOR, "a.retire").click()
        press("confirm", "key-retire")
        done()
        driver.get(AT + "/admin/sessions")
        write("user", "admin")
        press("find")
        by("main")
        shot("sessions")
        driver.get(AT + "/admin/deliveries")
        by("main")
        shot("deliveries")
        press("retry-dead")
        press("confirm", "retry-dead")
        done()
        driver.get(AT + "/admin/clients/demo-app/end-sessions")
        press("confirm", "client-end-sessions")
        # Ours is one of them: we signed in to this app.
        sign_in()
        driver.get(AT + "/admin/sessions")
        by("main")
        shot("sessions-ending")
        driver.get(AT + "/admin")
        driver.find_elements(By.ID, "username") and sign_in()
        driver.get(AT + "/admin/sessions?client=latchkey-console")
        by("unknown")
        driver.get(AT + "/admin/sessions?user=admin")
        driver.find_element(By.CSS_SELECTOR, "td a.session").click()
        by("live")
        shot("session")
        press("end")
        press("confirm", "session-end")
        # It was our own.
        sign_in()
        driver.get(AT + "/admin/sessions")
        press("end-all")
        press("confirm", "end-all")
        # Ours is one of them.
        sign_in()
        driver.get(AT + "/admin/sign-out")
        shot("sign-out")
        press("sign-out")
        by("signed-out")
        driver.get(AT + "/admin/nothing")
        assert by("error-page").get_attribute("data-error") == "not_found"
        blocked = [e for e in driver.get_log("browser") if "Content Security Policy" in e["message"]]
        assert not blocked, blocked
        missed = [line for line in ROUTES if line not in walked]
        assert not missed, f"{name}: these pages were not shown, or their forms not sent: {missed}"
        print(f"  {name}: each page of the console, with a change on each", flush=True)
    except Exception:
        driver.save_screenshot(os.path.join(SHOTS, f"console-failed-{name}.png"))
        raise
    finally:
        driver.quit()


class first_start:
    """A server whose database is empty, for as long as it is needed: the link that it prints for the first administrator."""

    def __enter__(self):
        self.work = tempfile.mkdtemp(prefix="latchkey-console-")
        env = {**os.environ, "LATCHKEY_ISSUER": NEW, "LATCHKEY_LISTEN": urlparse(NEW).netloc.replace("localhost", "127.0.0.1"),
               "LATCHKEY_DATABASE_URL": f"sqlite://{self.work}/db", "LATCHKEY_KEYS_DIR": f"{self.work}/keys"}
        self.server = subprocess.Popen([BIN, "serve"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            for line in self.server.stdout:
                found = re.search(r"http\S+/admin/setup\?link=\S+", line)
                if found:
                    return wait_for(NEW) and found.group(0)
            sys.exit("latchkey serve printed no link")
        except BaseException:
            # Nobody leaves what was not entered.
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.work)


def wait_for(address):
    for _ in range(200):
        try:
            with urllib.request.urlopen(address + "/readyz", timeout=5):
                return True
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nothing answers at {address}")


def start():
    env = {**os.environ, "LATCHKEY_ISSUER": AT, "LATCHKEY_LISTEN": "127.0.0.1:9280"}
    server = subprocess.Popen([BIN, "dev", "--app-port", "9281", "--api-port", "9282", "--second-app-port", "9283", "--spa-port", "9284", "--second-api-port", "9285", "--other-port", "9286",
                               "--stand-in-port", "9287"], env=env, stdout=subprocess.PIPE, text=True)
    password = None
    for line in server.stdout:
        found = re.search(r"admin\s+password (\S+)", line)
        password = found.group(1) if found else password
        if "Ctrl-C" in line:
            time.sleep(0.3)
            return server, password
    sys.exit("latchkey dev did not start")


def main():
    server, password = start()
    looks = [("en-US", False, 1280, 800, "en-light-wide"), ("en-US", True, 390, 844, "en-dark-narrow"), ("ko-KR", False, 390, 844, "ko-light-narrow"), ("ko-KR", True, 1280, 800, "ko-dark-wide")]
    try:
        for look in looks:
            walk(password, *look)
    finally:
        server.terminate()
        server.wait()
    print(f"{len(looks)} passed, 0 failed", flush=True)


if __name__ == "__main__":
    main()

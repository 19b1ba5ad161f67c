"""The single-page app of examples/spa in Chromium, behind `latchkey bff`: its pages by who is signed in, and no token in the browser."""

import json, os, pathlib, shutil, socket, subprocess, time

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from dev import BIN, ROOT, by, chromium, press, write
from processes import Processes

SPA = pathlib.Path(ROOT) / "examples" / "spa"
# Those of the example, in its order, and those of this run.
PORTS = {"8080": "9340", "8090": "9341", "9104": "9342"}
PROVIDER, APP, API = PORTS.values()
HERE = f"http://localhost:{APP}"
STORED = "return JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])"


def until(action, seconds=15):
    """What `action` answers, as soon as that is something."""
    end = time.monotonic() + seconds
    while not (found := action()):
        assert time.monotonic() < end, f"not within {seconds} s: {driver.find_element(By.TAG_NAME, 'body').text}"
        time.sleep(0.05)
    return found


def listens(port):
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on port {port}")


def page(fragment, says):
    driver.get(f"{HERE}/#/{fragment}")
    until(lambda: says in by(driver, "page").text)


def sign_in(user):
    """From the app's own page, and back to it."""
    page("orders", "Only users see this.")
    driver.find_element(By.CSS_SELECTOR, "main button").click()
    write(driver, "username", user)
    write(driver, "password", passwords[user])
    press(driver, "sign-in")
    until(lambda: driver.current_url == f"{HERE}/#/orders" and "Orders: 1, 2" in by(driver, "page").text)


def remove_order(says):
    page("clerk", "Signed in as")
    driver.find_element(By.CSS_SELECTOR, "main button").click()
    until(lambda: says in by(driver, "page").text)


def no_token_has_come():
    """In no answer that the app was given, and in nothing that its scripts can read. Tokens begin with eyJ."""
    looked = 0
    for entry in driver.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] != "Network.responseReceived" or not event["params"]["response"]["url"].startswith(HERE):
            continue
        try:
            body = driver.execute_cdp_cmd("Network.getResponseBody", {"requestId": event["params"]["requestId"]})["body"]
        except WebDriverException:
            continue  # a redirect has none, and that of a page that was left is gone
        looked += 1
        assert "eyJ" not in body, event["params"]["response"]["url"]
    assert looked >= 5, f"only {looked} answers could be looked at"
    assert "eyJ" not in driver.execute_script(STORED)


with Processes("spa") as started:
    work = pathlib.Path(started.work)
    shutil.copytree(SPA, work, dirs_exist_ok=True)
    for name in ("seed.json", "bff.toml"):
        text = (work / name).read_text()
        for port, other in PORTS.items():
            text = text.replace(port, other)
        (work / name).write_text(text)
    passwords = {user["username"]: user["password"] for user in json.loads((work / "seed.json").read_text())["users"]}
    env = {"LATCHKEY_DATABASE_URL": f"sqlite://{work}/data/latchkey.db", "LATCHKEY_KEYS_DIR": f"{work}/data/keys"}
    dev = [BIN, "dev", "--json", "--port", PROVIDER, "--no-demo", "--seed", "seed.json", "--data", "data"]
    started.start("dev", dev)
    listens(PROVIDER)
    started.start("api", [os.path.join(os.path.dirname(BIN), "api-actix")], {"ISSUER": f"http://localhost:{PROVIDER}", "PORT": API})
    started.start("bff", [BIN, "bff", "--config", "bff.toml"])
    driver = chromium(logs={"performance": "ALL"})
    try:
        listens(API)
        listens(APP)
        page("", "Everybody sees this.")
        sign_in("alice")
        remove_order("Order 7 is gone.")
        driver.refresh()
        until(lambda: "Signed in as Alice Kim." in by(driver, "page").text)
        no_token_has_come()
        print("  a single-page app: pages by who is signed in, the session after a reload, no token in the browser", flush=True)

        subprocess.run([BIN, "user", "end-sessions", "alice"], env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL)
        until(lambda: driver.execute_script("location.hash = ''; location.hash = '/orders'") or "Only users see this." in by(driver, "page").text)
        print("  a single-page app: it hears that its session was ended", flush=True)

        driver.delete_all_cookies()
        sign_in("bob")
        remove_order("The API says 403")
        driver.find_element(By.CSS_SELECTOR, "nav button").click()
        until(lambda: driver.current_url.startswith(f"{HERE}/") and by(driver, "user").text == "Sign in")
        print("  a single-page app: the API refuses who is no clerk; sign-out", flush=True)
    finally:
        driver.quit()
print("3 passed, 0 failed")

"""Sign out everywhere, in real Chromium on `latchkey dev`: two apps hear of the end of a session, and the page with frames goes on.

Screenshots go to artifacts/.
"""

import base64, hashlib, http.server, json, os, threading, time, urllib.parse, urllib.request

import accessibility
from dev import SHOTS, Dev, by, chromium, dress, press, sign_in

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# Of an app after its session has ended, in seconds: when it shows that, and how far a shared machine may be behind.
SHOWS_WITHIN, SLACK = 1, 2.5
# When the page with frames goes on at the latest, in seconds: by its script, and without one.
ONWARD = {True: 3, False: 5}
# Language, dark, width, height, scripts.
LOOKS = [("en-US", False, 1280, 800, True, "en-light-wide"), ("en-US", True, 390, 844, True, "en-dark-narrow"),
         ("ko-KR", False, 390, 844, False, "ko-light-narrow"), ("ko-KR", True, 1280, 800, True, "ko-dark-wide")]
# What an app says of a forced sign-out, and by what it heard of it.
SAID = {"en": ("Signed out by the identity provider at", "logout token"), "ko": ("인증 서버가 로그아웃시켰습니다", "로그아웃 토큰")}
passed = 0


def done(said):
    global passed
    passed += 1
    print(f"  {said}", flush=True)


def shot(driver, page, name):
    driver.save_screenshot(os.path.join(SHOTS, f"{page}-{name}.png"))
    wide = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["width"]
    assert wide <= driver.look["width"], f"{page} is {wide} pixels wide"
    # Not at once: while axe runs, the page must not load itself again.
    if driver.look["scripts"]:
        accessibility.check(driver, f"{page} ({name})")


def language_of(driver):
    """Of the page."""
    return driver.find_element(By.TAG_NAME, "html").get_attribute("lang")


def expect_no_violations(driver):
    blocked = [entry for entry in driver.get_log("browser") if "Content Security Policy" in entry["message"]]
    assert not blocked, blocked


def begin(driver, app):
    driver.get(app)
    press(driver, "sign-in")


def arrive(driver):
    """Back at the app; what it wants to know is allowed, if that is asked."""
    WebDriverWait(driver, 15).until(lambda d: d.find_elements(By.ID, "allow") or d.find_elements(By.ID, "subject"))
    for button in driver.find_elements(By.ID, "allow"):
        button.click()
    by(driver, "subject")


def open_both(driver, dev, user, name=None):
    """Signs in to the first app, and to the second one in another tab, where no password is asked for. Answers the tabs."""
    begin(driver, dev.apps[0])
    sign_in(driver, dev, user)
    arrive(driver)
    driver.switch_to.new_window("tab")
    dress(driver)
    driver.get(dev.apps[1])
    if name:
        shot(driver, "second-demo-signed-out", name)
    press(driver, "sign-in")
    arrive(driver)
    if name:
        shot(driver, "second-demo", name)
    return driver.window_handles


def expect_signed_out(driver, tab, since, ways):
    """The app in this tab says so by itself, and by what it heard of it. Answers after how many seconds."""
    driver.switch_to.window(tab)
    ended = by(driver, "ended", SHOWS_WITHIN + SLACK)
    seconds = time.monotonic() - since
    assert ended.get_attribute("data-by") in ways, ended.get_attribute("data-by")
    if "here" not in ways:
        assert SAID[language_of(driver)][0] in ended.text, ended.text
    assert not driver.find_elements(By.ID, "subject")
    return seconds


def end_in_the_console(driver, dev):
    """By the page of alice's sessions. Answers when it was asked for."""
    driver.get(f"{dev.issuer}/admin/sessions?user=alice")
    sign_in(driver, dev, "admin")
    by(driver, "find")
    driver.find_element(By.CSS_SELECTOR, "a.end").click()
    confirm = by(driver, "confirm")
    since = time.monotonic()
    confirm.click()
    return since


def forced(dev, language, dark, width, height, scripts, name):
    """Alice is signed in to both apps; the administrator ends her session in the console of another browser."""
    alice, admin = chromium(language, dark, width, height, scripts), chromium(language, dark, width, height)
    try:
        tabs = open_both(alice, dev, "alice", name)
        since = end_in_the_console(admin, dev)
        seconds = [expect_signed_out(alice, tab, since, ["back-channel"]) for tab in reversed(tabs)]
        assert max(seconds) <= SHOWS_WITHIN + SLACK, seconds
        assert SAID[language_of(alice)][1] in alice.page_source
        shot(alice, "demo-ended", name)
        # The administrator sees both receipts.
        by(admin, "complete")
        assert len(admin.find_elements(By.CSS_SELECTOR, "tr.receipt")) == 2
        shot(admin, "console-session-ended", name)
        press(alice, "sign-in")
        by(alice, "password")
        expect_no_violations(alice)
        done(f"{name}: ended in the console, both apps say so after {max(seconds):.2f} s")
    except Exception:
        for driver, who in ((alice, "alice"), (admin, "admin")):
            driver.save_screenshot(os.path.join(SHOTS, f"sign-out-failed-{who}-{name}.png"))
        raise
    finally:
        alice.quit()
        admin.quit()


def own(dev):
    """The administrator's own session: console and apps in one browser."""
    driver = chromium()
    try:
        tabs = open_both(driver, dev, "admin")
        driver.switch_to.new_window("tab")
        dress(driver)
        driver.get(f"{dev.issuer}/admin/sessions?user=admin")
        by(driver, "find")
        # Of the sessions of this administrator, the one of this browser.
        row = next(row for row in driver.find_elements(By.CSS_SELECTOR, "tbody tr") if row.find_elements(By.CSS_SELECTOR, ".tag"))
        row.find_element(By.CSS_SELECTOR, "a.end").click()
        confirm = by(driver, "confirm")
        since = time.monotonic()
        confirm.click()
        for tab in tabs:
            expect_signed_out(driver, tab, since, ["back-channel", "front-channel"])
        done("an administrator ends the session of the same browser, and both apps say so")
    finally:
        driver.quit()


def by_one_app(dev, scripts):
    """RP-initiated logout ends the whole session: the other app hears of it."""
    driver = chromium(scripts=scripts)
    try:
        first, second = open_both(driver, dev, "alice")
        driver.switch_to.window(first)
        since = time.monotonic()
        press(driver, "sign-out")
        # By what the page says: its address is the same before and after.
        by(driver, "ended", ONWARD[scripts] + SLACK)
        assert driver.current_url == dev.apps[0], driver.current_url
        at = time.monotonic()
        expect_signed_out(driver, first, at, ["here"])
        expect_signed_out(driver, second, at, ["back-channel", "front-channel"])
        begin(driver, dev.apps[1])
        by(driver, "password")
        expect_no_violations(driver)
        done(f"signed out in one app, with{'' if scripts else 'out'} scripts back there after {at - since:.1f} s, and the other one says so")
    finally:
        driver.quit()


class Receiver(http.server.ThreadingHTTPServer):
    """A client that notes what its frame was asked for. On `/hang` it never answers."""

    daemon_threads = True

    def __init__(self, port):
        self.asked, self.over = [], threading.Event()
        super().__init__(("127.0.0.1", port), Receiver.Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            if self.path.startswith("/hang"):
                self.server.over.wait(60)
            body = b"<!doctype html><title>here</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            try:
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # a browser that has gone on

        def log_message(self, *_):
            pass

    def frames(self):
        return [urllib.parse.urlsplit(path) for path in self.asked if path.startswith(("/front", "/hang"))]


def register(dev, receiver, path):
    at = f"http://localhost:{receiver.server_port}"
    client = {"client_id": path.strip("/"), "token_endpoint_auth_method": "none", "trusted": True, "redirect_uris": [f"{at}/callback"],
              "post_logout_redirect_uris": [f"{at}/bye"], "frontchannel_logout_uri": f"{at}{path}?x=1", "frontchannel_logout_session_required": True}
    dev.latchkey("client", "create", "--from", "-", said=json.dumps(client))


def visit(driver, dev, client, at):
    """A sign-in to a client, whose part is played here. Answers its ID token."""
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"client_id": client, "response_type": "code", "scope": "openid", "redirect_uri": f"{at}/callback", "state": "s",
             "code_challenge": challenge, "code_challenge_method": "S256"}
    driver.get(f"{dev.issuer}/authorize?{urllib.parse.urlencode(asked)}")
    if not driver.current_url.startswith(at):
        sign_in(driver, dev, "bob")
    WebDriverWait(driver, 15).until(lambda d: d.current_url.startswith(f"{at}/callback"))
    code = urllib.parse.parse_qs(urllib.parse.urlsplit(driver.current_url).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{at}/callback", "code_verifier": verifier, "client_id": client}
    with urllib.request.urlopen(f"{dev.issuer}/token", urllib.parse.urlencode(form).encode(), timeout=10) as answer:
        return json.load(answer)["id_token"]


def policy_of(driver, address):
    """Of the page at the address, as the browser received it."""
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        response = message.get("params", {}).get("response", {})
        if message["method"] == "Network.responseReceived" and response.get("url", "").startswith(address):
            return {name.lower(): value for name, value in response["headers"].items()}["content-security-policy"]
    raise AssertionError(f"nothing was received from {address}")


def on_page_with_frames(dev, receiver, client, look, scripts, others=()):
    """Front-Channel Logout 1.0: each frame is told, and the browser goes on to the app within the stated time whatever the frames do."""
    at = f"http://localhost:{receiver.server_port}"
    *look, name = look
    driver = chromium(*look, scripts=scripts, logs={"performance": "ALL", "browser": "ALL"})
    receiver.asked.clear()
    try:
        token = visit(driver, dev, client, at)
        part = token.split(".")[1]
        sid = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sid"]
        for other in others:
            visit(driver, dev, other, at)
        asked = {"id_token_hint": token, "post_logout_redirect_uri": f"{at}/bye", "state": "a b&c"}
        to = f"{at}/bye?state=a%20b%26c"
        since = time.monotonic()
        driver.get(f"{dev.issuer}/logout?{urllib.parse.urlencode(asked)}")
        if not scripts or client == "hang":
            # There is time to look at it, and a way on for whoever does not want to wait.
            assert by(driver, "continue").get_attribute("href") == to
            shot(driver, "signed-out-frames", f"{name}-{'scripts' if scripts else 'no-scripts'}")
        if client == "hang" and scripts:
            driver.execute_script("const other = document.createElement('iframe'); other.src = arguments[0]; document.body.append(other)",
                                  f"http://127.0.0.1:{receiver.server_port}/front?not=allowed")
        WebDriverWait(driver, ONWARD[scripts] + SLACK, poll_frequency=0.05).until(lambda d: d.current_url == to)
        seconds = time.monotonic() - since
        frames = receiver.frames()
        assert sorted(frame.path for frame in frames) == sorted(f"/{told}" for told in (client, *others)), frames
        for frame in frames:
            assert urllib.parse.parse_qs(frame.query) == {"x": ["1"], "iss": [dev.issuer], "sid": [sid]}, frame
        policy = policy_of(driver, f"{dev.issuer}/logout")
        assert policy.endswith(f"; frame-src {at}") and policy.count("frame-src") == 1, policy
        what = "one of which never answers" if others else "which never answers" if client == "hang" else "which answers"
        which = f"{1 + len(others)} frames" if others else "a frame"
        done(f"{which}, {what}: on to the app after {seconds:.1f} s with{'' if scripts else 'out'} scripts")
        return seconds
    except Exception:
        driver.save_screenshot(os.path.join(SHOTS, f"frames-failed-{client}.png"))
        raise
    finally:
        driver.quit()


def main():
    dev, receiver = Dev(9380), Receiver(9389)
    try:
        for look in LOOKS:
            forced(dev, *look)
        own(dev)
        for scripts in (True, False):
            by_one_app(dev, scripts)
        for path, look in (("/front", ("en-US", False, 1280, 800, "en-light-wide")), ("/hang", ("ko-KR", True, 390, 844, "ko-dark-narrow"))):
            register(dev, receiver, path)
            for scripts in (True, False):
                on_page_with_frames(dev, receiver, path.strip("/"), look, scripts)
        # With scripts a frame asks at once, not after a second. The machine may be slow, but not each time.
        look = ("en-US", False, 1280, 800, "en-light-wide")
        assert any(on_page_with_frames(dev, receiver, "front", look, True) < 1 for _ in range(4)), "a second was waited for"
        # Where the first of many frames never answers, the last ones must still have been loaded before.
        others = [f"front-{n}" for n in range(2, 8)]
        for other in others:
            register(dev, receiver, f"/{other}")
        for scripts in (True, False):
            on_page_with_frames(dev, receiver, "hang", ("en-US", False, 390, 844, "en-light-narrow"), scripts, others)
    finally:
        receiver.over.set()
        dev.end()
    print(f"{passed} passed, 0 failed", flush=True)


main()

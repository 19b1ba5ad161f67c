"""A browser without JavaScript: cookies, redirects and forms, which is all that Latchkey's pages need."""

import http.cookiejar, json, ssl, urllib.error, urllib.parse, urllib.request
from html.parser import HTMLParser

USER, PASSWORD = "alice", "correct horse battery staple"


class Forms(HTMLParser):
    """The forms of a page: action, fields, and the buttons by id."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "method": a.get("method", "get").lower(), "fields": {}, "buttons": {}, "ids": set()})
        elif tag in ("input", "button") and self.forms:
            form = self.forms[-1]
            form["ids"].add(a.get("id"))
            if tag == "button" or a.get("type") == "submit":
                form["buttons"][a.get("id") or a.get("name") or "submit"] = {a["name"]: a.get("value", "")} if a.get("name") else {}
            elif a.get("name") and (a.get("type") not in ("checkbox", "radio") or "checked" in a):
                form["fields"][a["name"]] = a.get("value", "") or ""


class Shown:
    def __init__(self, url, status, text):
        self.url, self.status, self.text = url, status, text
        self.forms = Forms(text).forms

    def form(self, element):
        return next((form for form in self.forms if element in form["ids"]), None)


class Browser:
    def __init__(self, certificate):
        # Everything is on localhost, where browsers send Secure cookies over plain http too.
        self.jar = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(secure_protocols=("https", "http")))
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate))
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), tls)

    def open(self, url, data=None, headers=None):
        """`data` is sent as a form, or as it is when it is bytes."""
        body = data if data is None or isinstance(data, bytes) else urllib.parse.urlencode(data).encode()
        request = urllib.request.Request(url, body, {"Accept": "text/html,*/*", "Accept-Language": "en", **(headers or {})})
        try:
            answer = self.opener.open(request, timeout=30)
        except urllib.error.HTTPError as refused:
            answer = refused
        return Shown(answer.geturl(), answer.status, answer.read().decode("utf-8", "replace"))

    def post_json(self, url, value):
        return self.open(url, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def submit(self, page, form, button=None, **typed):
        fields = {**form["fields"], **(form["buttons"].get(button, {})), **typed}
        target = urllib.parse.urljoin(page.url, form["action"])
        if form["method"] == "post":
            return self.open(target, fields)
        return self.open(target.split("?")[0] + "?" + urllib.parse.urlencode(fields))

    def follow(self, page):
        """Answers what Latchkey asks on the way, until nothing is asked."""
        for _ in range(8):
            if form := page.form("password"):
                page = self.submit(page, form, "sign-in", username=USER, password=PASSWORD)
            elif form := page.form("allow"):
                page = self.submit(page, form, "allow")
            elif form := page.form("sign-out"):
                page = self.submit(page, form, "sign-out")
            elif form := next((f for f in page.forms if {"code", "state"} <= f["fields"].keys()), None):
                page = self.submit(page, form)
            else:
                return page
        raise AssertionError(f"no end at {page.url}")

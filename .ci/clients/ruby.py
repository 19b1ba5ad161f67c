"""OmniAuth, as Debian ships it."""

import re

from product import Product
from world import run


class OmniAuth(Product):
    page_name, package = "omniauth", "gitlab-omniauth-openid-connect"
    long = True
    needs = ("ruby", "puma")
    login, logout = "/", "/"

    def version(self):
        return re.match(r"[\d.]+", run(["dpkg-query", "-W", "-f", "${Version}", "ruby-omniauth-openid-connect"])).group()

    def command(self):
        return ["ruby", "app.rb", "-e", "production"]

    def begin(self):
        page = self.browser.open(self.url + self.login)
        return self.browser.submit(page, page.form("enter"))


PRODUCTS = [OmniAuth]

"""Apache's module, as Debian ships it."""

import getpass, html, json, os, re, urllib.parse

from product import Product
from world import run

MODULES = "/usr/lib/apache2/modules"
LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "env", "mime", "include", "alias", "auth_openidc")


class ModAuthOpenidc(Product):
    page_name = package = "mod_auth_openidc"
    login = "/"
    needs = ("/usr/sbin/apache2",)

    def version(self):
        return re.match(r"[\d.]+", run(["dpkg-query", "-W", "-f", "${Version}", "libapache2-mod-auth-openidc"])).group()

    def command(self):
        server = [f'ServerRoot "{self.work}"', f"Listen 127.0.0.1:{self.port}", f"ServerName localhost:{self.port}", f'DefaultRuntimeDir "{self.work}"',
                  'PidFile "apache.pid"', 'ErrorLog "/dev/stderr"', f'DocumentRoot "{self.work}"', f'OIDCCABundlePath "{self.world.certificate}"']
        server[:0] = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED]
        if getpass.getuser() == "root":
            # Apache does not serve as root; the files are in a folder of root's.
            server += ["User www-data", "Group www-data"]
            os.chmod(self.world.work, 0o711)
        server += [f'Include "{self.work}/app.conf"', 'TypesConfig "/etc/mime.types"' if os.path.exists("/etc/mime.types") else ""]
        (self.work / "httpd.conf").write_text("\n".join(server) + "\n")
        return ["/usr/sbin/apache2", "-f", str(self.work / "httpd.conf"), "-DFOREGROUND"]

    def told(self):
        """What the module knows of this browser's session."""
        return json.loads(self.browser.open(f"{self.url}/callback?info=json").text)

    def refresh(self):
        before = self.told()["access_token"]
        asked = urllib.parse.urlencode({"refresh": self.url + self.home, "access_token": before})
        self.expect_user(self.browser.open(f"{self.url}/callback?{asked}"))
        after = self.told()
        assert after["access_token"] != before and after["userinfo"]["sub"] == self.world.user["sub"], after

    def sign_out(self):
        """The module ends the session that was ended at Latchkey, and no other."""
        other = self.browser
        self.forced_sign_out(200)
        self.browser = other
        self.expect_user(self.browser.open(self.url + self.home))
        link = re.search(r'href="([^"]+)"', self.browser.open(self.url + self.home).text).group(1)
        page = self.browser.follow(self.browser.open(self.url + link))
        assert page.url == f"{self.url}/signed-out.html" and "signed out" in page.text, f"{page.url}: {page.text[:500]}"
        self.expect_signed_out()


class ModAuthOpenidcInFrames(ModAuthOpenidc):
    """It is told by the browser: the page after the sign-out shows its address in a frame."""

    variant = " (front channel)"
    rotation = None

    def registration(self, command):
        told = command.replace("backchannel_logout_uri", "frontchannel_logout_uri").replace("logout=backchannel", "logout=get")
        assert told != command
        return told

    def sign_out(self):
        page = self.browser.follow(self.browser.open(f"{self.world.issuer}/logout"))
        # Each frame begins with a document of Latchkey's own, which leads on to the address.
        begun = [html.unescape(document) for document in re.findall(r'<iframe[^>]* srcdoc="([^"]+)"', page.text)]
        frames = [html.unescape(re.search(r'url=([^"]+)"', document).group(1)) for document in begun]
        (told,) = [frame for frame in frames if frame.startswith(f"{self.url}/callback?logout=get&")]
        assert urllib.parse.parse_qs(told).keys() >= {"iss", "sid"}, told
        answer = self.browser.open(told)
        assert answer.status == 200, f"{answer.status}: {answer.text[:500]}"
        self.expect_signed_out()


PRODUCTS = [ModAuthOpenidc, ModAuthOpenidcInFrames]

"""The products of the Go world, built with the versions of go/go.mod."""

import re, shutil

from product import Product
from world import HERE, TOOLS, run

SOURCES = HERE / "go" / "go.mod", HERE / "go" / "go.sum"


class GoOidc(Product):
    page_name, package = "go-oidc", "go-oidc"
    needs = ("go",)

    def version(self):
        return re.search(r"coreos/go-oidc/v3 (\S+)", SOURCES[0].read_text()).group(1)

    def command(self):
        for source in SOURCES:
            shutil.copy(source, self.work)
        environment = {**self.world.env, "GOCACHE": str(TOOLS / "go-build"), "GOTOOLCHAIN": "local"}
        run(["go", "build", "-o", "app", "."], cwd=self.work, env={name: value for name, value in environment.items() if name != "SSL_CERT_FILE"})
        return ["./app"]


PRODUCTS = [GoOidc]

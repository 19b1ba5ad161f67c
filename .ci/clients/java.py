"""Spring Boot and Nimbus. Maven fetches and builds each app."""

import re

from product import Api, Product
from world import run


class Maven:
    needs = ("mvn", "java", "keytool")

    def command(self):
        # Maven trusts the system's certificates, the app Latchkey's.
        environment = {name: value for name, value in self.world.env.items() if name != "SSL_CERT_FILE"}
        run(["mvn", "--batch-mode", "--quiet", "-DskipTests", "package"], cwd=self.work, env=environment)
        trust = str(self.work / "trust.p12")
        run(["keytool", "-importcert", "-noprompt", "-alias", "latchkey", "-file", self.world.certificate, "-keystore", trust, "-storepass", "not-a-secret"])
        return ["java", f"-Djavax.net.ssl.trustStore={trust}", "-Djavax.net.ssl.trustStorePassword=not-a-secret", "-XX:TieredStopAtLevel=1",
                "-jar", "target/app.jar"]


class Spring(Maven):
    package = "Spring Boot"

    def version(self):
        return re.search(r"<version>([\d.]+)</version>\n  </parent>", self.page.source).group(1)


class SpringClient(Spring, Product):
    page_name = "spring-boot"
    login, logout = "/oauth2/authorization/latchkey", "/"


class SpringApi(Spring, Api):
    page_name = "spring-resource-server"


class Nimbus(Maven, Api):
    page_name, package = "nimbus", "oauth2-oidc-sdk"
    long = True

    def version(self):
        return re.search(r"<artifactId>oauth2-oidc-sdk</artifactId>\n +<version>([\d.]+)", self.page.source).group(1)


PRODUCTS = [SpringClient, SpringApi, Nimbus]

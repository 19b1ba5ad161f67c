#!/usr/bin/env python3
"""Signs in with other projects' clients, each set up as its page under docs/connect/ says, against a real `latchkey serve`.

    python3 .ci/clients/run.py [--all] [--only NAME]...

Stages: set-up, sign-in, refresh, a key rotation, an emergency rotation, sign-out. The shell lines and files of the pages are what is run.
"""

import argparse, json, os, shutil, signal, sys, time, traceback

import python
import world as world_module

CI = bool(os.environ.get("CI"))
STAGES = (("sign_in", "sign-in"), ("refresh", "refresh"), ("rotation", "key rotation"), ("sign_out", "sign-out"))
# How long a client may take to ask for the keys again after `key rotate --now`.
PATIENCE = 75


class Report:
    def __init__(self, world):
        self.world, self.passed, self.failed, self.skipped, self.broken = world, 0, 0, 0, set()

    def can_run(self, product):
        """Whether its language is installed. In CI a missing one is a failure, elsewhere it is said."""
        missing = [tool for tool in product.needs if not shutil.which(tool)]
        if not missing:
            return True
        print(f"  {'FAILED' if CI else 'SKIPPED'} {product.page_name}: {' and '.join(missing)} not installed", flush=True)
        if CI:
            self.failed += 1
        else:
            self.skipped += 1
        return False

    def check(self, product, stage, action):
        """One check; a product that failed is not tried further."""
        if product in self.broken:
            return
        name = f"{product.name}: {stage}"
        try:
            action()
        except Exception as problem:
            self.failed += 1
            self.broken.add(product)
            where = traceback.extract_tb(problem.__traceback__)[-1]
            print(f"  FAILED {name}: {type(problem).__name__}: {problem} ({os.path.basename(where.filename)}:{where.lineno})")
            print("".join(f"    | {line}\n" for line in self.world.log(product.name).splitlines()), end="", flush=True)
        else:
            self.passed += 1
            print(f"  {name}", flush=True)


def active_key(world):
    return next(key["kid"] for key in json.loads(world.latchkey("key", "list", "--json")) if key["state"] == "active")


def rotate(world, report, products):
    """An ordinary rotation: announced, then active. Resource servers are called all the while."""
    before = active_key(world)
    world.latchkey("key", "rotate")
    print(f"  a new key is announced; it signs in {world_module.ANNOUNCE} s", flush=True)
    until = time.monotonic() + world_module.ANNOUNCE + 15
    signs = None
    while signs is None or time.monotonic() < signs + 5:
        for product in products:
            if hasattr(product, "during_rotation") and product not in report.broken:
                try:
                    product.during_rotation()
                except AssertionError as problem:
                    report.check(product, "key rotation", lambda: (_ for _ in ()).throw(problem))
        if signs is None and active_key(world) != before:
            signs = time.monotonic()
        assert time.monotonic() < until, "the announced key does not become active"
        time.sleep(1)


def rotate_now(world, report, products):
    """An emergency: the next token is signed by a key that nobody has seen. Clients find it when they ask for the keys again."""
    world.latchkey("key", "rotate", "--now")
    began = time.monotonic()
    waiting = [product for product in products if product.rotation and product not in report.broken]
    while waiting:
        for product in list(waiting):
            seconds = time.monotonic() - began
            try:
                product.rotation()
            except Exception as problem:
                if seconds < PATIENCE:
                    continue
                report.check(product, "emergency rotation", lambda: (_ for _ in ()).throw(problem))
            else:
                report.check(product, f"emergency rotation, after {seconds:.0f} s", lambda: None)
            waiting.remove(product)
        time.sleep(3 if waiting else 0)


def chosen(only, everything):
    # Each language has a file with its products.
    import apache, go, java, javascript, ruby, servers
    known = [*javascript.PRODUCTS, *python.PRODUCTS, *go.PRODUCTS, *apache.PRODUCTS, *java.PRODUCTS, *ruby.PRODUCTS, *servers.PRODUCTS]
    untested = {path.stem for path in world_module.PAGES.glob("*.md")} - {product.page_name for product in known} - {"README"}
    if untested:
        sys.exit(f"docs/connect/ has pages that nothing runs: {', '.join(sorted(untested))}")
    unknown = set(only) - {product.page_name for product in known}
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(p.page_name for p in known)}")
    if only:
        return [product for product in known if product.page_name in only]
    return [product for product in known if everything or not product.long]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="also the products that take long to install")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    arguments = parser.parse_args()
    python.enter()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    world = world_module.World()
    report = Report(world)
    products = []
    try:
        world.begin()
        products = [make(world) for make in chosen(arguments.only, arguments.all) if report.can_run(make)]
        for product in products:
            report.check(product, "set-up", product.set_up)
        for name, words in STAGES:
            if name == "rotation" and len(report.broken) < len(products):
                rotate(world, report, products)
            for product in products:
                if action := getattr(product, name):
                    report.check(product, words, action)
            if name == "rotation":
                rotate_now(world, report, products)
        if report.failed:
            print(f"--- latchkey\n{world.log('latchkey', 8000)}")
    finally:
        for product in products:
            product.end()
        world.end()
    print(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    sys.exit(1 if report.failed else 0)


main()

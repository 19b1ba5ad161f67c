"""What axe-core (WCAG 2.2 A and AA, and its best practices) says of a page that is open in Chromium."""

import json, os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.environ.get("LATCHKEY_TOOLS", os.path.join(ROOT, "target", "tools"))
AXE = os.path.join(TOOLS, "axe", "node_modules", "axe-core", "axe.min.js")
RUN = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(r => done(JSON.stringify(r.violations)), e => done(JSON.stringify([{id: String(e), nodes: []}])));"


def ask(driver, script):
    """What a script of ours says of a page that runs none."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    try:
        return driver.execute_script(script)
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})


def check(driver, page, scripts=True):
    """Fails with each rule that the page breaks, and the elements that do. `scripts`: whether pages may run theirs afterwards."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    try:
        with open(AXE, encoding="utf-8") as source:
            driver.execute_script(source.read())
        violations = json.loads(driver.execute_async_script(RUN))
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    said = [f"{broken['id']}: {broken.get('help', '')}\n    " + "\n    ".join(f"{node['target']} {node['html'][:160]} {node.get('failureSummary', '')}" for node in broken["nodes"][:4]) for broken in violations]
    assert not said, f"{page} at {driver.current_url}\n  " + "\n  ".join(said)

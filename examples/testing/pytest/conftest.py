"""The provider of the tests: `latchkey dev`, started once, and set back before each test."""

import json, os, pathlib, subprocess

import pytest, requests

SEED = pathlib.Path(__file__).parent.parent / "seed.json"


class Provider:
    def __init__(self):
        command = [os.environ.get("LATCHKEY", "latchkey"), "dev", "--port", "0", "--no-demo", "--seed", str(SEED)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "latchkey dev did not start; standard error says why"
        self.told = json.loads(line)
        self.issuer = self.told["issuer"]

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def call(self, name, method="POST", **asked):
        answer = requests.request(method, self.told["dev"][name], json=asked, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def sign_in(self, username, authorization_request):
        """Where the provider sends the browser back to."""
        return self.call("sign_in", username=username, authorization_request=authorization_request)["redirect_to"]

    def advance(self, time):
        self.call("clock", advance=time)

    def fail(self, endpoint, fault, **more):
        self.call("faults", endpoint=endpoint, fault=fault, **more)


@pytest.fixture(scope="session")
def started():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def provider(started):
    started.call("clock", reset=True)
    started.call("faults", method="DELETE")
    return started

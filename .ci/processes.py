"""The programs that a check starts, the folder that they write to, and the end of both."""

import os, shutil, signal, subprocess, sys, tempfile


class Processes:
    """`with Processes("name") as started:` prints what they wrote if the check fails, ends them and removes the folder."""

    def __init__(self, name):
        self.work, self.running = tempfile.mkdtemp(prefix=f"latchkey-{name}-"), []

    def __enter__(self):
        # So that what was started ends as well.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return self

    def start(self, name, command, env=None, folder=None):
        """Starts a program, in `folder` or that of the check; its output goes to NAME.log."""
        with open(f"{self.work}/{name}.log", "w") as log:
            process = subprocess.Popen(command, env={**os.environ, **(env or {})}, cwd=folder or self.work, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def stop(self, *processes):
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.running.remove(process)

    def __exit__(self, failure, *_):
        if failure:
            for name in sorted(os.listdir(self.work)):
                if name.endswith(".log"):
                    print(f"--- {name}\n{open(f'{self.work}/{name}').read()[-3000:]}")
        self.stop(*self.running)
        shutil.rmtree(self.work, ignore_errors=True)

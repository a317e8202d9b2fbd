"""Check everything: `python3 test.py` installs what that needs, then runs the linters and both test suites.

1. lint: ruff and mypy over the whole project;
2. lite: the tests of the lite install, in an environment of its own that must not have torch;
3. full: all tests, in an environment with every dependency.

The environments' packages live in the user's cache folder (or in $MMEMBED_ENVIRONMENTS), so that the next run, also one
in another clone, starts at once. Browser tests need Chromium and are skipped without it.
"""

import argparse
import os
import shutil
import sys

from scripts.environment import ROOT, Failure, layered_environment, main, python_of, run, say, shared_environment

PARTS = ("lint", "lite", "full")
_LAYERS = ROOT / ".environments"
_HEAVY = ("torch", "torchvision", "transformers", "open_clip", "accelerate", "datasets")
_TOGETHER = ("torch", "torchvision", "open_clip", "transformers", "accelerate", "datasets", "gradio")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skip", action="append", choices=PARTS, default=[], help="leave out a part; may be given several times")
    parser.add_argument("pytest", nargs="*", metavar="PYTEST_OPTION", help="passed to pytest; put -- before the first option")
    return parser.parse_args()


def full_python() -> str:
    """The interpreter with every dependency, which must import together."""
    base = shared_environment("full", "3 to 4 GB", ["--editable", ".[eval,large,mcp,raw,samples,test,train]"])
    return str(python_of(layered_environment(_LAYERS / "full", base)))


def lite_python() -> str:
    """The interpreter of the lite install, which must not have torch and what comes with it."""
    base = shared_environment("lite", "200 MB", ["--requirement", "requirements/lite-tests.txt"])
    python = str(python_of(layered_environment(_LAYERS / "lite", base)))
    present = f"import sys, importlib.util as i; sys.exit(' '.join(n for n in {_HEAVY} if i.find_spec(n)) or 0)"
    if run([python, "-c", present]) != 0:
        raise Failure("The packages above got into the lite install, which must work without them.")
    return python


def ensure_chromium() -> None:
    """Install Chromium where that disturbs nobody: as root on a Debian machine that runs CI."""
    if any(map(shutil.which, _BROWSERS)):
        return
    if os.environ.get("CI") and shutil.which("apt-get") and os.geteuid() == 0:
        say("Installing Chromium for the browser tests")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", "chromium"]
        if run(["apt-get", "update", "-qq"], **quiet) == 0 and run(install, **quiet) == 0:
            return
    say("There is no Chromium on this machine, so the browser tests will be skipped")


def lint() -> list[str]:
    """Which linters are not content."""
    say("Linters: ruff and mypy")
    python = full_python()
    commands = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"])
    return [" ".join(command) for command in commands if run([python, "-m", *command]) != 0]


def tests(name: str, python: str, *choice: str, pytest: list[str]) -> list[str]:
    """The name of the suite if a test failed."""
    say(f"Tests in the {name} environment")
    code = run([python, "-m", "pytest", *choice, *pytest], GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")
    return [] if code == 0 else [f"{name} tests"]


def check() -> int:
    """Run the chosen parts, all of them even if one fails."""
    chosen = options()
    failed = []
    if "lint" not in chosen.skip:
        failed += lint()
    if {"lite", "full"} - set(chosen.skip):
        ensure_chromium()
    if "lite" not in chosen.skip:
        failed += tests("lite", lite_python(), "-m", "not torch", pytest=chosen.pytest)
    if "full" not in chosen.skip:
        python = full_python()
        if run([python, "-c", "import " + ", ".join(_TOGETHER)]) != 0:
            raise Failure("The packages of the full install do not work together; the message is above.")
        failed += tests("full", python, pytest=chosen.pytest)
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    main(check)

"""Python environments for start.py and test.py, made with nothing but the standard library.

An environment carries a marker file that says for what it is complete; whatever was interrupted is made anew, and a
folder without a marker is somebody else's and is left alone. This file keeps to the syntax of Python 3.6, so that the
users of an old Python get a sentence instead of a traceback.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

if sys.version_info < (3, 10):
    sys.exit(
        "mmembed needs Python 3.10 or later, and this is Python {}.{}. Run the same command with a newer one, such as python3.12.".format(
            *sys.version_info[:2]
        )
    )

ROOT = Path(__file__).resolve().parent.parent
_MARKER = "mmembed-environment.json"
_UNUSED_DAYS = 14
_LEAKS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")  # other environments would show through


class Failure(Exception):
    """Something went wrong that one sentence explains; the scripts print it and exit with 1."""


def say(text: str) -> None:
    """Tell the user what happens now, before the output of what happens."""
    print(f"\n==> {text}", flush=True)


def run(command: Sequence, **variables: str) -> int:
    """Run a command in the checkout with extra environment variables; returns its exit code.

    Ctrl-C reaches the command as well as this process, so it is given time to end by itself.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _LEAKS}
    process = subprocess.Popen([str(part) for part in command], cwd=ROOT, env={**kept, **variables})
    try:
        return process.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
            process.wait(timeout=10)
        if process.poll() is None:
            process.kill()
        raise


def python_of(folder: Path) -> Path:
    """The interpreter of the environment in `folder`."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def command_of(folder: Path, name: str) -> Path:
    """A console script of the environment in `folder`."""
    return folder / "Scripts" / f"{name}.exe" if os.name == "nt" else folder / "bin" / name


def key_of(*install: str) -> str:
    """What the result of `pip install` depends on, as 12 hexadecimal digits: its arguments, the files they mean, the Python.

    Of pyproject.toml only the part before the first `[tool.` table counts; the rest are settings of our own tools.
    """
    files = sorted((ROOT / "requirements").glob("*.txt")) if "--requirement" in install else []
    files += [ROOT / "pyproject.toml"] if "--editable" in install else []
    wanted = [file.read_text(encoding="utf-8").split("\n[tool.")[0] for file in files]
    wanted += [platform.python_version(), sys.platform, platform.machine(), *install]
    return hashlib.sha256("\x1f".join(wanted).encode()).hexdigest()[:12]


def read_marker(folder: Path) -> dict:
    """What the environment in `folder` is complete for; empty if it is missing, interrupted, moved or broken."""
    try:
        marker = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return marker if marker.get("folder") == str(folder) and _works(python_of(folder)) else {}


def write_marker(folder: Path, **facts: str) -> None:
    """Declare the environment in `folder` complete for something."""
    (folder / _MARKER).write_text(json.dumps({"folder": str(folder), **facts}), encoding="utf-8")


def _works(python: Path) -> bool:
    try:
        return subprocess.run([str(python), "-c", ""], check=False, capture_output=True, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def create(folder: Path, with_pip: bool = True) -> None:
    """Make an empty virtual environment in `folder`, in place of one that these scripts made before.

    Raises:
        Failure: the environment cannot be made, with what to install or where to look.
    """
    if with_pip and (importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None):
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        raise Failure(f"This Python cannot make virtual environments. On Debian or Ubuntu, run: sudo apt install {package}")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise Failure(f"{folder} is there already and was not made by this command. Move it away or delete it, then try again.")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARKER).write_text("{}", encoding="utf-8")
    except OSError as error:
        raise Failure(f"The folder {folder} cannot be written: {error.strerror}.") from error
    options = [] if with_pip else ["--without-pip"]
    if run([sys.executable, "-m", "venv", *options, folder]) != 0:
        raise Failure(f"The virtual environment {folder} could not be made; Python's message is above.")


def pip_install(folder: Path, *what: object, quiet: bool = False) -> None:
    """Install into the environment in `folder`; pip's progress shows on a terminal only.

    Raises:
        Failure: pip failed.
    """
    options = ["--disable-pip-version-check", *([] if sys.stdout.isatty() and not quiet else ["-qq"])]
    if run([python_of(folder), "-m", "pip", "install", *options, *what]) != 0:
        raise Failure(
            "Installing failed; pip's message is above. The first run needs the network and enough space on the disk. "
            "Run the same command again to go on."
        )


def cache_folder() -> Path:
    """Where test environments live, so that every fresh clone with the same dependencies shares them."""
    chosen = os.environ.get("MMEMBED_ENVIRONMENTS")
    if chosen:
        return Path(chosen).resolve()
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mmembed" / "environments"


def shared_environment(name: str, size: str, install: Sequence) -> Path:
    """An environment of packages only, from the cache or made now. The project itself never stays in it.

    Args:
        name: what it is for; with the key of what it depends on, the name of its folder.
        size: how much there is to download, for people.
        install: arguments of `pip install`, with paths relative to the checkout.

    Raises:
        Failure: it cannot be made.
    """
    folder = cache_folder() / f"{name}-{key_of(*install)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        if read_marker(folder):
            say(f"Using the {name} environment {folder}")
            (folder / _MARKER).touch()
            return folder
        say(f"Making the {name} environment {folder} (about {size} to download)")
        create(folder)
        pip_install(folder, "--upgrade", "pip", quiet=True)
        pip_install(folder, *install)
        run([python_of(folder), "-m", "pip", "uninstall", "-qq", "--yes", "mmembed"])
        write_marker(folder, name=name)
    _remove_unused(name, folder)
    return folder


def layered_environment(folder: Path, base: Path) -> Path:
    """A thin environment in `folder` that sees the packages of `base` and holds this checkout, editable.

    The checkout is not installed into `base` itself, because several checkouts may be using that at the same time.

    Raises:
        Failure: it cannot be made.
    """
    install = ("--no-deps", "--no-build-isolation", "--editable", ".")
    facts = {"base": str(base), "project": key_of(*install)}
    if not facts.items() <= read_marker(folder).items():
        create(folder, with_pip=False)
        (_site_packages(folder) / "base.pth").write_text(f"{_site_packages(base)}\n", encoding="utf-8")
        pip_install(folder, *install, quiet=True)
        write_marker(folder, **facts)
    return folder


def _site_packages(folder: Path) -> Path:
    script = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    return Path(subprocess.run([str(python_of(folder)), "-c", script], check=True, capture_output=True, text=True).stdout.strip())


def _remove_unused(name: str, keep: Path) -> None:
    for marker in keep.parent.glob(f"{name}-*/{_MARKER}"):
        if marker.parent != keep and time.time() - marker.stat().st_mtime > _UNUSED_DAYS * 24 * 3600:
            say(f"Removing {marker.parent}, unused for {_UNUSED_DAYS} days")
            shutil.rmtree(marker.parent, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator:
    """Hold an exclusive lock, which the system releases even if this process is killed."""
    with path.open("a+", encoding="utf-8") as file:
        if not _try_lock(file):
            say("Waiting for another run that is making the same environment")
            while not _try_lock(file):
                time.sleep(1)
        yield


def _try_lock(file: IO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def main(job: Callable) -> None:
    """Run `job` and exit with the code it returns; trouble and Ctrl-C end in one sentence."""
    try:
        code = job()
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        code = 1
    except OSError as error:
        print(f"\n{error.filename}: {error.strerror}.", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        code = 130
    sys.exit(code)

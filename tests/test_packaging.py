"""What gets installed, and with what: pyproject.toml, the requirement files and the wheel have to agree."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = ("torch", "torchvision", "transformers", "open_clip", "accelerate", "datasets")


def bounds(lines: list[str]) -> dict[str, str]:
    """Requirements as name → specifier; comments and options are left out."""
    requirements = [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return {requirement.name.lower().replace("_", "-"): str(requirement.specifier) for requirement in requirements}


def file_bounds(name: str) -> dict[str, str]:
    return bounds((ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines())


def dependencies() -> dict[str, str]:
    return bounds(PROJECT["project"]["dependencies"])


def extra(name: str) -> dict[str, str]:
    return bounds(PROJECT["project"]["optional-dependencies"][name])


def test_the_lite_install_is_every_dependency_but_the_heavy_ones() -> None:
    heavy = {"torch", "torchvision", "transformers", "open-clip-torch", "accelerate", "datasets"}
    assert heavy < set(dependencies())
    assert file_bounds("lite.txt") == {name: bound for name, bound in dependencies().items() if name not in heavy}


def test_the_other_requirement_files_repeat_their_extras() -> None:
    assert file_bounds("samples.txt") == extra("samples")
    lite_tests = file_bounds("lite-tests.txt")
    assert lite_tests.items() <= {**extra("test"), **extra("eval")}.items()
    assert bounds(PROJECT["build-system"]["requires"]).items() <= lite_tests.items()


def test_every_dependency_has_a_lower_bound() -> None:
    everything = {
        **dependencies(),
        **{name: bound for each in PROJECT["project"]["optional-dependencies"] for name, bound in extra(each).items()},
    }
    assert [name for name, bound in everything.items() if not bound.startswith(">=")] == []


def test_every_dependency_is_explained() -> None:
    explained = set(re.findall(r"^\| `([^`]+)`", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), re.MULTILINE))
    extras = [name for each in PROJECT["project"]["optional-dependencies"] for name in extra(each)]
    assert {name.lower().replace("_", "-") for name in explained} == {*dependencies(), *extras}


def test_missing_packages_are_offered_through_extras_that_exist() -> None:
    named = set()
    for file in (ROOT / "mmembed").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "MissingPackage":
                named.add(tuple(argument.value if isinstance(argument, ast.Constant) else None for argument in node.args[:2]))
    assert named
    for package, offered in named:
        assert offered in PROJECT["project"]["optional-dependencies"], f"the extra of {package}"
        assert package is None or package.lower() in extra(offered)


def test_the_readme_names_the_two_commands_and_ci_runs_the_second() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 start.py" in readme
    assert "python3 test.py" in readme
    assert "exec python3 test.py" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_only_learning_needs_the_heavy_packages() -> None:
    # A name that is None in sys.modules cannot be imported, installed or not.
    script = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({HEAVY}))
import mmembed
names = [module.name for module in pkgutil.walk_packages(mmembed.__path__, "mmembed.", onerror=lambda name: None)]
names = [name for name in names if not name.startswith("mmembed.learn.") and not name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout) > 10


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built without network."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the package, is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_its_configurations_and_its_weights(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"mmembed/{file.relative_to(ROOT).as_posix()}" for file in (ROOT / "configs").rglob("*.yaml")}
    expected |= {file.relative_to(ROOT).as_posix() for file in (ROOT / "mmembed").rglob("*.py")}
    expected |= {file.relative_to(ROOT).as_posix() for file in (ROOT / "mmembed" / "weights").rglob("*") if file.is_file()}
    assert expected - packed == set()
    assert [name for name in packed if not re.match(r"mmembed/|mmembed-[^/]+\.dist-info/", name)] == []


def test_the_wheel_declares_command_and_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        (info,) = {name.split("/")[0] for name in packed.namelist() if ".dist-info/" in name}
        assert "mmembed = mmembed.cli:main" in packed.read(f"{info}/entry_points.txt").decode()
        assert "Apache License" in packed.read(f"{info}/licenses/LICENSE").decode()


def test_an_installed_package_finds_the_configurations_it_carries(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from mmembed.presets import config_folder; print(config_folder())"
    result = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(result.stdout.strip()) == tmp_path / "mmembed" / "configs"

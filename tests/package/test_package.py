# SPDX-License-Identifier: MIT
"""Dohle as others use it: installed, found by pkg-config and by find_package, and as the README prints it."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DOHLE_BUILD", ROOT / "build" / "release")).resolve()
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("install")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    return prefix


def libraries(prefix):
    return next(path.parent for path in prefix.rglob("libdohle.so"))


@pytest.fixture(scope="session")
def environment(prefix):
    lib = libraries(prefix)
    return {**os.environ, "PKG_CONFIG_PATH": str(lib / "pkgconfig"), "LD_LIBRARY_PATH": str(lib),
            "CMAKE_PREFIX_PATH": str(prefix)}


def printed_consumer():
    return re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)


def test_the_readme_prints_the_example():
    assert printed_consumer() == (ROOT / "examples" / "consumer.c").read_text()


def runs(program, environment):
    """Started without arguments where no broker is: it waits, and ends on SIGINT as the README says."""
    process = subprocess.Popen([program], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.send_signal(2)
    _, told = process.communicate(timeout=20)
    return process.returncode == 0 and "wakeup" in told


def test_pkg_config_finds_it(prefix, environment, tmp_path):
    source = tmp_path / "consumer.c"
    source.write_text(printed_consumer())
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "dohle"], env=environment, check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split()
    subprocess.run(["cc", *WARNINGS, source, "-o", tmp_path / "consumer", *flags], check=True)
    assert runs(tmp_path / "consumer", environment)


def test_find_package_finds_it(prefix, environment, tmp_path):
    (tmp_path / "consumer.c").write_text(printed_consumer())
    (tmp_path / "CMakeLists.txt").write_text("""
        cmake_minimum_required(VERSION 3.22)
        project(app LANGUAGES C)
        find_package(dohle REQUIRED)
        add_executable(app consumer.c)
        target_link_libraries(app PRIVATE dohle::dohle)
    """)
    for command in (["cmake", "-B", "build", "-G", "Ninja"], ["cmake", "--build", "build"]):
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert runs(tmp_path / "build" / "app", environment)


def test_the_command_runs_where_it_is_installed(prefix):
    """Without ldconfig and LD_LIBRARY_PATH: it finds the library beside it."""
    plain = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    done = subprocess.run([prefix / "bin" / "dohle", "--version"], env=plain, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


EMBEDDED = ROOT / "examples" / "embedded_test.c"


def succeeds(program, environment=None):
    done = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


@pytest.mark.parametrize("is_static", [False, True])
def test_pkg_config_finds_the_broker(prefix, environment, tmp_path, is_static):
    command = ["pkg-config", "--cflags", "--libs", *(["--static"] if is_static else []), "dohle-broker"]
    flags = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    if is_static:
        # The archives of ours, whatever else is there as it is.
        flags = [f"-l:lib{flag[2:]}.a" if flag.startswith("-ldohle") else flag for flag in flags]
    subprocess.run(["cc", *WARNINGS, EMBEDDED, "-o", tmp_path / "app", *flags], check=True)
    needed = subprocess.run(["readelf", "-d", tmp_path / "app"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert ("libdohle" in needed) != is_static
    succeeds(tmp_path / "app", None if is_static else environment)


@pytest.mark.parametrize("target", ["dohle::broker", "dohle::broker_static"])
def test_find_package_finds_the_broker(prefix, environment, tmp_path, target):
    (tmp_path / "app.c").write_text(EMBEDDED.read_text())
    (tmp_path / "CMakeLists.txt").write_text(f"""
        cmake_minimum_required(VERSION 3.22)
        project(app LANGUAGES C)
        find_package(dohle REQUIRED COMPONENTS broker)
        add_executable(app app.c)
        target_link_libraries(app PRIVATE {target})
    """)
    for command in (["cmake", "-B", "build", "-G", "Ninja"], ["cmake", "--build", "build"]):
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout
    succeeds(tmp_path / "build" / "app", environment)


def test_the_installed_command_starts_a_broker(prefix):
    """Without any variable that says where the libraries are."""
    done = subprocess.run([prefix / "bin" / "dohle", "topic", "list", "-b", "embedded:"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_headers_are_valid_cpp(prefix, tmp_path):
    if subprocess.run(["c++", "--version"], stdout=subprocess.DEVNULL, check=False).returncode != 0:
        pytest.fail("no C++ compiler: install g++")
    source = tmp_path / "app.cpp"
    source.write_text("#include <dohle/broker.h>\n#include <dohle/dohle.h>\nint main() { return dohle_error_class(0) != DOHLE_CLASS_NONE; }\n")
    subprocess.run(["c++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", prefix / "include",
                    "-fsyntax-only", source], check=True)


def exported(library):
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in symbols.splitlines()}


def declared(header):
    text = (ROOT / "include" / "dohle" / header).read_text()
    return set(re.findall(r"^DOHLE_API[^;{]*?\b(dohle_\w+)\(", text, re.M))


def test_only_the_public_api_is_exported(prefix):
    names = exported(libraries(prefix) / "libdohle.so")
    headers = [path.name for path in (ROOT / "include" / "dohle").glob("*.h") if path.name != "broker.h"]
    assert {name for name in names if not name.startswith("DOHLE_")} == set().union(*map(declared, headers))


def test_the_broker_exports_its_functions_and_no_others(prefix):
    names = exported(libraries(prefix) / "libdohle-broker.so")
    assert {name for name in names if not name.startswith("DOHLE_")} == declared("broker.h")

# SPDX-License-Identifier: MIT
"""bench/run: that its programs have read the same records, and what it refuses to call a result. Not how fast."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DOHLE_BUILD", ROOT / "build" / "release")).resolve()


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_all_programs_read_the_same(codec):
    done = subprocess.run([ROOT / "bench" / "run", "--smoke", "--codec", codec, "--build", BUILD], capture_output=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert lines[-1] == "smoke: every program has read the same records"
    # Two rounds are never a result.
    bars = [line for line in lines if line.startswith("bar: ")]
    assert bars and all(line.endswith("no result, too few rounds") for line in bars)
    file = ROOT / lines[-2]
    figures = json.loads(file.read_text())
    file.unlink()
    sums = {run["checksum"] for runs in figures["runs"].values() for run in runs}
    assert len(sums) == 1
    assert {run["records"] for runs in figures["runs"].values() for run in runs} == {6000}


def load_run():
    loader = importlib.machinery.SourceFileLoader("bench_run", str(ROOT / "bench" / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module  # dataclasses look their module up
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


@pytest.mark.parametrize("key", ["records", "checksum", "touched", "value_bytes"])
def test_whoever_reads_something_else_is_no_measurement(key):
    run = load_run()
    first = {"records": 10, "checksum": "a", "touched": 1, "value_bytes": 100}
    program = run.Program("p", [])
    options = types.SimpleNamespace(records=10)
    run.check_sums(program, dict(first), first, options)
    with pytest.raises(SystemExit, match="has read other"):
        run.check_sums(program, {**first, key: 2}, first, options)


@pytest.mark.parametrize("expected, ratio, noise, rounds, is_most", [
    ("met", 0.8, 0.1, 5, True),
    ("MISSED", 1.2, 0.1, 5, True),
    ("met", 1.2, 0.1, 5, False),
    ("MISSED", 0.8, 0.1, 5, False),
    ("no result, within the noise", 1.2, 0.25, 5, True),
    ("no result, within the noise", 0.85, 0.25, 5, True),
    ("no result, too few rounds", 0.5, 0.1, 4, True),
])
def test_no_verdict_below_the_noise(expected, ratio, noise, rounds, is_most):
    assert load_run().verdict(ratio, noise, rounds, is_most) == expected


def test_noise_is_the_worst_pair_of_twins():
    run = load_run()
    table = [run.Program(name, [], twin=twin) for name, twin in
             (("a", ""), ("a again", "a"), ("b", ""), ("b again", "b"))]
    runs = {"a": [100, 100, 100], "a again": [101, 100, 99], "b": [100, 100, 100], "b again": [80, 125, 100]}
    runs = {name: [{"cpu_ns": value} for value in values] for name, values in runs.items()}
    assert run.noise_of(table, runs, "cpu_ns") == pytest.approx(0.25)

# SPDX-License-Identifier: MIT
"""bench/run: that its programs run, and that all of them have read the same records. Not how fast."""
import json
import os
import pathlib
import subprocess

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

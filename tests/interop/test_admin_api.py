# SPDX-License-Identifier: MIT
"""The admin's public functions in C, against a real broker (admin_api.c)."""
import subprocess

RECORDS = 1000


def test_admin_api(cluster, build):
    topic = cluster.topic(partitions=3)
    # Small batches, so that every partition gets some.
    cluster.fill(topic, RECORDS, 50, "batch.size=2000")
    done = subprocess.run([build / "interop-admin-api", cluster.bootstrap, topic, str(RECORDS)], timeout=120, check=False)
    assert done.returncode == 0

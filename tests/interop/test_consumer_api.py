# SPDX-License-Identifier: MIT
"""The consumer's public functions in C, against a real broker (consumer_api.c)."""
import subprocess

RECORDS = 5000


def test_consumer_api(cluster, build):
    topic = cluster.topic(partitions=3)
    # Small batches, so that every partition gets some.
    cluster.fill(topic, RECORDS, 50, "batch.size=2000")
    done = subprocess.run([build / "interop-consumer-api", cluster.bootstrap, topic, str(RECORDS)], timeout=120, check=False)
    assert done.returncode == 0

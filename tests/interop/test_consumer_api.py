# SPDX-License-Identifier: MIT
"""The consumer's public functions in C, against a real broker (consumer_api.c)."""
import subprocess

RECORDS = 5000


def test_consumer_api(kafka, build):
    topic = kafka.topic(partitions=3)
    # Small batches, so that every partition gets some.
    kafka.command("fill", topic, RECORDS, 50, "batch.size=2000")
    done = subprocess.run([build / "interop-consumer-api", kafka.bootstrap, topic, str(RECORDS)], timeout=120, check=False)
    assert done.returncode == 0

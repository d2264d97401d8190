#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tells the story of demo.sh from what its processes left in a folder, and judges it.

    FOLDER/NAME.events      one JSON line for each change of ownership (dohle consume --events)
    FOLDER/NAME.processed   one line a record: partition, offset, key (written before the commit)
    FOLDER/story            lines "milliseconds text": what the script did, and when
    FOLDER/ends             lines "partition committed end": the group's offsets at the end

Exit code 1 if a record that is in the topic was not processed.
"""
import collections
import json
import pathlib
import sys

WIDTH = 64


def read_lines(path):
    """Whole lines only: a killed process may leave half of one."""
    text = path.read_bytes().decode(errors="replace")
    return text[: text.rfind("\n") + 1].splitlines()


def letter_of(name):
    """ann is A, bob is B, and bob-again, the same bob, is b."""
    return name[0].lower() if "-again" in name else name[0].upper()


def short(text, width=58):
    return text if len(text) <= width else text[: width - 3] + "..."


def ownership(events, end_ms):
    """[(partition, from_ms, to_ms)] of one process; what it held when it was killed ends with its last sign of life."""
    held, spans = {}, []
    for event in events:
        for partition in (p["partition"] for p in event["partitions"]):
            if event["event"] == "assigned":
                held[partition] = event["time_ms"]
            elif partition in held:
                spans.append((partition, held.pop(partition), event["time_ms"]))
    spans += [(partition, start, end_ms) for partition, start in held.items()]
    return spans


def timeline(spans, partitions, story, start, end):
    scale = max(1, end - start) / WIDTH
    print(f"who owned which partition ({scale / 1000:.1f} s a column, . = nobody)\n")
    for partition in partitions:
        row = ["."] * WIDTH
        for letter, mine in spans.items():
            for owned, first, last in mine:
                if owned == partition:
                    for column in range(int((first - start) / scale), min(WIDTH, int((last - start) / scale) + 1)):
                        row[column] = letter
        print(f"  partition {partition}  {''.join(row)}")
    for moment, text in story:
        column = min(WIDTH - 1, max(0, int((moment - start) / scale)))
        print(f"               {' ' * column}^ {(moment - start) / 1000:.1f} s {text}")
    print()


def main():
    folder = pathlib.Path(sys.argv[1])
    story = [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in read_lines(folder / "story")]
    ends = [tuple(map(int, line.split())) for line in read_lines(folder / "ends")]
    start, end = story[0][0], story[-1][0]
    killed = {text.split()[0]: moment for moment, text in story if "killed" in text}

    spans, rows = {}, []
    for path in folder.glob("*.events"):
        events = [json.loads(line) for line in read_lines(path)]
        spans[letter_of(path.stem)] = ownership(events, killed.get(path.stem, end))
        rows += [(event["time_ms"], path.stem, event) for event in events if event["event"] != "closed"]
    print("rebalances, as each member saw them\n")
    print("  at        member       what      partitions        took  why")
    for moment, name, event in sorted(rows, key=lambda row: row[0]):
        numbers = ",".join(str(p["partition"]) for p in event["partitions"]) or "-"
        leaves = event["event"] == "revoked" and "leaves" in event["reason"]
        took = "" if leaves else f"{event['duration_ms']} ms"
        print(f"  {(moment - start) / 1000:6.2f} s  {letter_of(name)} {name:<11}{event['event']:<10}{numbers:<13}"
              f"{took:>9}  {short(event['reason'])}")
    print()
    timeline(spans, [partition for partition, _, _ in ends], story, start, end)

    processed = collections.Counter()
    for path in folder.glob("*.processed"):
        for line in read_lines(path):
            partition, offset = line.split(" ")[:2]
            processed[int(partition), int(offset)] += 1
    records_in = sum(log_end for _, _, log_end in ends)
    lost = [(p, o) for p, _, log_end in ends for o in range(log_end) if (p, o) not in processed]
    twice = sum(1 for times in processed.values() if times > 1)
    print("offsets at the end\n\n  partition  committed  log end")
    for partition, committed, log_end in ends:
        print(f"  {partition:>9}  {committed:>9}  {log_end:>7}{'' if committed == log_end else '   <- behind'}")
    print(f"\n  records in                  {records_in:>8}")
    print(f"  distinct records processed  {len(processed):>8}")
    print(f"  processed twice             {twice:>8}   (between the kill and the last commit before it)")
    behind = [row for row in ends if row[1] != row[2]]
    if lost or len(processed) != records_in or behind or records_in == 0:
        print(f"\nLOST: {len(lost)} records, the first: {lost[:5]}; partitions not committed to their end: {len(behind)}")
        return 1
    print("\nNothing was lost.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

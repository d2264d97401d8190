#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares our messages with the definitions inside Kafka's jars.

Usage: check_schema.py DUMP JAR...

DUMP is what dump_schema printed: our tables as the library holds them. Each
JAR carries common/message/*.json. Compared are: versions, flexible versions,
keys, and of each field, in order: name, type, versions, nullable versions,
tag, default, ignorable. What we leave out on purpose is printed with its
reason. Exits 1 if there is any other difference. Then each property of one of
our fields is altered, and the comparison must see it.
"""

import copy
import json
import re
import sys
import zipfile

# Properties of Kafka's fields that change nothing on the wire.
NOT_ON_THE_WIRE = {"about", "entityType", "mapKey", "zeroCopy", "flexibleVersions"}
KNOWN = NOT_ON_THE_WIRE | {
    "name", "type", "versions", "nullableVersions", "taggedVersions", "tag",
    "default", "ignorable", "fields",
}

# Versions we do not speak.
OMITTED_VERSIONS = {
    "InitProducerIdRequest": ((6, 6), "unstable in 4.4 (KIP-939)"),
    "InitProducerIdResponse": ((6, 6), "unstable in 4.4 (KIP-939)"),
}

# Messages we do not have, by the first reason that fits.
OMITTED_MESSAGES = [
    (r"^Share|ShareGroup|^ShareAck", "share groups are not built"),
    (r"^Streams", "streams groups are not built"),
    (r"Txn|Transaction|EndTxn|AllocateProducerIds|DescribeProducers", "transactions are not built"),
    (r"Sasl|Acl|DelegationToken|ScramCredential", "security is not built"),
    (r"Vot|Quorum|Raft|Snapshot|Controller|BrokerRegistration|BrokerHeartbeat|Unregister"
     r"|AlterPartitionRe(quest|sponse)|AssignReplicas|Envelope|LeaderChange|KRaft|WriteTxn",
     "between brokers and controllers only"),
    (r"LeaderAndIsr|StopReplica|UpdateMetadata|ControlledShutdown", "removed from Kafka"),
    (r"ElectLeaders|Reassignments|LogDirs|Quotas|UpdateFeatures|ListConfigResources",
     "administration beyond our command"),
    (r"^ControlRecordType", "one int16 and one more, read by record/"),
    (r"DefaultPrincipal", "data we neither read nor write"),
]


def strip_comments(text):
    """Kafka's JSON has comments to the end of the line."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda m: m[1] or "", text)


def definitions(jars):
    found = {}
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if re.fullmatch(r"common/message/\w+\.json", name):
                    text = archive.read(name).decode()
                    message = json.loads(strip_comments(text))
                    found[message["name"]] = message
    return found


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def versions(text, outer):
    """The versions of a text that are in outer too; None if there are none."""
    if text == "none":
        return None
    match = re.fullmatch(r"(\d+)(\+|-(\d+))?", text)
    low = int(match[1])
    high = low if not match[2] else int(match[3]) if match[3] else outer[1]
    low, high = max(low, outer[0]), min(high, outer[1])
    return [low, high] if low <= high else None


def default(field, is_struct, nullable):
    """A default as Kafka's generator takes it, in the form of dump_schema."""
    is_array = field["type"].startswith("[]")
    value = field.get("default")
    # JSON's null is an absent default there, not the word "null".
    value = "" if value is None else str(value)
    if value == "null":
        return None
    if is_struct and not is_array and nullable:
        return "empty"
    if value in ("", "false"):
        return 0
    return 1 if value == "true" else int(value, 0)


def field_of(field, structs, outer, where, seen):
    """Kafka's field in the form of dump_schema; None if no version has it."""
    unknown = set(field) - KNOWN
    if unknown:
        raise SystemExit(f"{where}.{field['name']}: what does {unknown} mean?")
    within = versions(field["versions"], outer)
    if within is None:
        return None
    is_array = field["type"].startswith("[]")
    base = field["type"][2:] if is_array else field["type"]
    is_struct = base[0].isupper()
    out = {
        "name": snake(field["name"]),
        "type": ("[]" if is_array else "") + ("struct" if is_struct else base),
        "versions": within,
        "ignorable": bool(field.get("ignorable", False)),
        "compact": field.get("flexibleVersions") != "none",
    }
    nullable = versions(field.get("nullableVersions", "none"), within)
    if nullable:
        out["nullable"] = nullable
    if "tag" in field:
        out["tag"] = field["tag"]
        if versions(field["taggedVersions"], outer) != within:
            raise SystemExit(f"{where}.{field['name']}: tagged in some versions only")
    out["default"] = default(field, is_struct, nullable)
    if is_struct:
        inner = field.get("fields") or structs[base]["fields"]
        out["fields"] = fields_of(inner, structs, within, f"{where}.{field['name']}", seen)
    seen.append(out)
    return out


def fields_of(fields, structs, outer, where, seen):
    rows = (field_of(field, structs, outer, where, seen) for field in fields)
    return [row for row in rows if row is not None]


def message_of(message, valid, seen):
    structs = {struct["name"]: struct for struct in message.get("commonStructs", [])}
    # Structs may be defined at their first use and named again later.
    def collect(fields):
        for field in fields:
            if "fields" in field:
                structs[field["type"].replace("[]", "")] = field
                collect(field["fields"])
    collect(message["fields"])
    role = "data" if message["type"] == "header" else message["type"]
    out = {
        "name": message["name"],
        "role": role,
        "key": message.get("apiKey", -1),
        "versions": valid,
        "fields": fields_of(message["fields"], structs, valid, message["name"], seen),
    }
    flexible = versions(message["flexibleVersions"], valid)
    if flexible:
        out["flexible"] = flexible[0]
    return out


def clip(fields, outer):
    """A common struct has the versions of its message; cut them to its place."""
    for field in fields:
        low, high = field["versions"]
        field["versions"] = [max(low, outer[0]), min(high, outer[1])]
        if "fields" in field:
            clip(field["fields"], field["versions"])


def differences(theirs, ours, where):
    """All places where two trees of the same form differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = []
        for key in sorted(set(theirs) | set(ours)):
            found += differences(theirs.get(key, "absent"), ours.get(key, "absent"),
                                 f"{where}.{key}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list) and "fields" in where:
        names = [row["name"] for row in theirs if isinstance(row, dict)]
        our_names = [row["name"] for row in ours if isinstance(row, dict)]
        if names != our_names:
            return [f"{where}: fields are {names} in Kafka, {our_names} here"]
        if names:
            found = []
            for name, left, right in zip(names, theirs, ours):
                found += differences(left, right, f"{where}[{name}]")
            return found
    if theirs != ours:
        return [f"{where}: {theirs} in Kafka, {ours} here"]
    return []


def reason_for(name):
    for pattern, reason in OMITTED_MESSAGES:
        if re.search(pattern, name):
            return reason
    return None


# For each property a value that no field has.
ALTERED = {
    "name": "x", "type": "x", "versions": [98, 99], "nullable": [98, 99], "tag": 99,
    "default": 98765, "ignorable": "x", "compact": "x",
}


def blind_spots(theirs, ours):
    """Properties whose change in the last field that has it goes unseen."""
    unseen = []
    for key, value in ALTERED.items():
        altered = copy.deepcopy(ours)
        fields = [f for row in altered for f in all_fields(row) if key in f]
        fields[-1][key] = value
        if not any(differences(left, right, "") for left, right in zip(theirs, altered)):
            unseen.append(key)
    return unseen


def all_fields(row):
    for field in row.get("fields", []):
        yield field
        yield from all_fields(field)


def main(dump, jars):
    kafka = definitions(jars)
    with open(dump) as lines:
        ours = {row["name"]: row for row in map(json.loads, lines)}
    bad, seen, omitted, pairs = [], [], {}, []
    for name, row in ours.items():
        if name not in kafka:
            bad.append(f"{name}: Kafka has no such message")
            continue
        low, _, high = kafka[name]["validVersions"].partition("-")
        valid = [int(low), int(high or low)]
        if name in OMITTED_VERSIONS:
            left_out, reason = OMITTED_VERSIONS[name]
            print(f"intended: {name} without versions {left_out[0]}-{left_out[1]}: {reason}")
            valid[1] = left_out[0] - 1
        clip(row["fields"], row["versions"])
        pairs.append((message_of(kafka[name], valid, seen), row))
        bad += differences(*pairs[-1], name)
    for name in sorted(set(kafka) - set(ours)):
        reason = reason_for(name)
        if reason is None:
            bad.append(f"{name}: missing, and nobody says why")
        else:
            omitted.setdefault(reason, []).append(name)
    for reason, names in sorted(omitted.items()):
        print(f"intended: {reason}: {', '.join(names)}")
    if not bad:
        bad += [f"a change of {key} is not seen" for key in blind_spots(*zip(*pairs))]
    for line in bad:
        print(f"DIFFERENT: {line}")
    print(f"{len(ours)} messages, {len(seen)} fields compared, {len(bad)} differences")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))

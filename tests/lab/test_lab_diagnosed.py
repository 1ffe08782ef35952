"""`fleetscan diagnose` over the lab: every condition told, and what is to be done by hand done."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import jsonschema
import pytest
import uvloop

import fleetscan
from fleetscan import Deadlines, ScanConfig
from fleetscan.lab import Condition, Lab
from fleetscan.lab.lab import PLANS
from fleetscan.output.chain_text import Look
from fleetscan.output.diagnosis_record import Finished, Terms, diagnosis_record
from fleetscan.output.diagnosis_text import diagnosis_lines
from fleetscan.output.schema import load_schema

TIMEOUT_S = 1.0
"""Silent conditions take six connections of this long."""

Diagnosed = dict[str, tuple[Condition, dict[str, Any]]]


async def diagnosed_lab(
    wanted: Callable[[str], bool],
    then: Callable[[Diagnosed], Awaitable[None]] | None = None,
) -> Diagnosed:
    """The conditions that are wanted with their records; `then` runs while they still serve."""
    found: Diagnosed = {}
    async with Lab() as lab:
        conditions = {each.name: each for each in lab.conditions if wanted(each.name)}
        config = ScanConfig(
            trust=(str(lab.trust_file),), deadlines=Deadlines.from_timeout(TIMEOUT_S)
        )
        scan = fleetscan.scan([each.target for each in conditions.values()], config)
        terms = Terms(policy="browser", trust=scan.trust, ca_file=str(lab.trust_file))
        async for result in scan:
            name = result.target.labels["condition"]
            finished = Finished(
                target=result.target,
                address=result.address,
                record=result.record,
                facts=result.facts,
                tried=result.tried,
                path=result.path,
            )
            record = diagnosis_record(result.target.input, [finished], terms)
            found[name] = conditions[name], record
        if then is not None:
            await then(found)
    return found


@pytest.fixture(scope="module")
def diagnosed() -> Diagnosed:
    """All of the lab, diagnosed once."""
    return uvloop.run(diagnosed_lab(lambda _: True))


@pytest.mark.parametrize("name", [plan.name for plan in PLANS])
def test_every_condition_is_told_in_full(diagnosed: Diagnosed, name: str) -> None:
    """The planted cause in words, the ladder up to where it ended, lines that can be printed."""
    if name not in diagnosed:
        pytest.skip(f"{name}: this machine's OpenSSL refuses to serve it")
    _, record = diagnosed[name]
    (one,) = record["diagnoses"]
    result = one["result"]

    jsonschema.Draft202012Validator(load_schema("diagnose")).validate(record)
    assert [each["id"] for each in one["explained"]] == result["cause_ids"]
    states = [each["state"] for each in one["ladder"]]
    ends = [each["stage"] for each in one["ladder"] if each["state"] == "failed"]
    assert ends == ([result["stage"]] if result["stage"] != "confirmed" else [])
    assert states == sorted(states, key=("passed", "failed", "not_reached").index)
    lines = [*diagnosis_lines(record, Look(width=80))]
    assert all(line.isprintable() for line in lines)
    assert result["cause_ids"] == [] or any(result["cause_ids"][0] in line for line in lines)
    # What is longer than a line has a word in it that nobody should break.
    assert all(len(line) <= 80 or len(line.split()) <= 6 for line in lines)


def test_what_is_shown_of_an_old_server(diagnosed: Diagnosed) -> None:
    """Stages, the experiment, what is accepted, the proof: in this order."""
    lines = [*diagnosis_lines(diagnosed["old-versions-only"][1], Look(width=80))]
    shown = re.sub(r" \\\n +", " ", "\n".join(lines))

    parts = (
        "FAILED  old-versions-only.lab.test",
        "✓ client_hello",
        "✗ server_hello",
        "protocol_version(70)",
        "- confirmed",
        "✓ versions: the first hello with every version from SSL 3.0 to TLS 1.3\n",
        "→ answered: TLSv1.1, TLS_ECDHE_",
        "the server does accept:\n    TLSv1.1, ",
        "✗ version.too_old  proven  high",
        "proof: nothing changed but the versions that were offered:",
        "do: Enable TLS 1.2 and 1.3",
        "Chrome    ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
        "by hand:\n    # the failure: protocol_version(70)\n    openssl s_client",
        "-tls1_1 -cipher ALL:@SECLEVEL=0",
    )
    places = [shown.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_colour_is_added_when_asked_for_and_signs_can_be_plain(diagnosed: Diagnosed) -> None:
    """ECMA-48 on terminals that can, ASCII where nothing else is shown."""
    record = diagnosed["old-versions-only"][1]

    assert "\x1b[31mFAILED\x1b[0m" in "\n".join(diagnosis_lines(record, Look(colour=True)))
    plain = "\n".join(diagnosis_lines(record, Look(signs=False)))
    assert plain.isascii()
    assert "-> answered" in plain


def test_several_addresses_are_summed_up(diagnosed: Diagnosed) -> None:
    """One diagnosis after the other, then how many of each."""
    good, old = diagnosed["good-tls13"][1], diagnosed["old-versions-only"][1]
    both = old | {"diagnoses": [*good["diagnoses"], *old["diagnoses"]]}

    lines = [*diagnosis_lines(both, Look(width=80))]
    assert lines[-1] == "2 addresses: 1 established, 1 failed"
    assert sum(line.startswith(("ESTABLISHED", "FAILED")) for line in lines) == 2


ANSWERED = ("old-versions-only", "no-common-suite", "alpn-refused", "name-refused")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_commands_show_what_they_say() -> None:
    """OpenSSL fails with the first line and is answered with those that say so."""
    exits: dict[str, dict[str, int]] = {}

    async def run_them(found: Diagnosed) -> None:
        for name, (_, record) in found.items():
            exits[name] = {}
            for each in record["diagnoses"][0]["by_hand"]:
                if not each["command"].startswith("openssl "):
                    continue
                process = await asyncio.create_subprocess_shell(
                    each["command"],
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
                exits[name][each["shows"]] = await asyncio.wait_for(process.wait(), 20)

    uvloop.run(diagnosed_lab((*ANSWERED, "good-tls13").__contains__, run_them))

    for name in ANSWERED:
        failures = [code for shows, code in exits[name].items() if shows.startswith("the failure")]
        answers = [code for shows, code in exits[name].items() if shows.startswith("answered")]
        assert failures == [1], name
        assert set(answers) == {0}, name
    assert exits["good-tls13"]["the handshake as it was"] == 0
    assert exits["good-tls13"]["what OpenSSL says of the certificates"] == 0
    assert exits["good-tls13"]["the server's certificate"] == 0

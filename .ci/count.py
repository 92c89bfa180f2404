"""Adds up what test runners counted: count.py STATUS TESTLOG...

STATUS is the exit code of all that ran; when it isn't 0 although no test failed, that counts as one failure. A TESTLOG is
Meson's testlog.json, a JSON object a line. Where a test prints a summary of its cases, as doctest and Python's unittest do,
those count; any other test is one.
"""

import json
import pathlib
import re
import sys

DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\s+(?:OK|FAILED)(?: \((.*)\))?$", re.MULTILINE)


def cases_in(output):
    """The passed and failed cases of each summary in what a test printed."""
    for passed, failed in DOCTEST.findall(output):
        yield int(passed), int(failed)
    for ran, outcome in UNITTEST.findall(output):
        counts = dict(re.findall(r"(\w+)=(\d+)", outcome))
        failed = sum(int(counts.get(kind, 0)) for kind in ("failures", "errors"))
        yield int(ran) - failed - int(counts.get("skipped", 0)), failed


def count_test(test):
    """The passed and failed cases of one entry of a test log."""
    if test["result"] == "SKIP":
        return 0, 0
    failed_as_a_whole = test["result"] not in ("OK", "EXPECTEDFAIL")
    cases = list(cases_in(test.get("stdout", "") + "\n" + test.get("stderr", "")))
    if not cases:
        return int(not failed_as_a_whole), int(failed_as_a_whole)
    passed = sum(case[0] for case in cases)
    failed = sum(case[1] for case in cases)
    return passed, max(failed, int(failed_as_a_whole))


def main():
    status, *logs = sys.argv[1:]
    passed = failed = 0
    for log in filter(pathlib.Path.exists, map(pathlib.Path, logs)):
        for line in log.read_text().splitlines():
            counts = count_test(json.loads(line))
            passed += counts[0]
            failed += counts[1]
    if status != "0" or passed == 0:
        failed = max(failed, 1)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()

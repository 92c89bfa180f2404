"""Adds up what test runners counted: count.py STATUS TESTLOG...

STATUS is the exit code of all that ran; when it isn't 0 although no test failed, that counts as one failure. A TESTLOG is
Meson's testlog.json, a JSON object a line. A unit test's own summary counts its cases; any other test is one.
"""

import json
import pathlib
import re
import sys

SUMMARY = re.compile(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def count_test(test):
    """The passed and failed cases of one entry of a test log."""
    if test["result"] == "SKIP":
        return 0, 0
    failed_as_a_whole = test["result"] not in ("OK", "EXPECTEDFAIL")
    summaries = SUMMARY.findall(test.get("stdout", ""))
    if not summaries:
        return int(not failed_as_a_whole), int(failed_as_a_whole)
    passed = sum(int(summary[0]) for summary in summaries)
    failed = sum(int(summary[1]) for summary in summaries)
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

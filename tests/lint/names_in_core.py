"""Core knows no layer, solver, source, device, filler or schedule by name: it never says, in a string, what a plugin provides.

The names that the file formats themselves force on core live in one file, which alone is exempt.
"""

import re

from common import ROOT, finish, sources

EXEMPT = "core/config/caffe_formats.cpp"
PROVIDED = re.compile(r'DLR_PROVIDE\(\s*"dlrun\.[a-z]+/\d+",\s*"([^"]+)"')
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
COMMENT = re.compile(r"//.*")


def provided_names():
    text = "".join((ROOT / path).read_text() for path in sources("plugins", "devices", "sdk", "solvers"))
    return set(PROVIDED.findall(text))


def main():
    names = provided_names()
    problems = []
    for path in sources("core", suffixes=(".hpp", ".cpp", ".proto")):
        if str(path) == EXEMPT:
            continue
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            for text in STRING.findall(COMMENT.sub("", line)):
                if text in names:
                    problems.append(f"{path}:{number}: core names the plugin's \"{text}\"")
    finish(problems, len(names))


main()

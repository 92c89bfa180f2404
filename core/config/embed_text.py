"""Writes a text file as a C++ source: embed_text.py INPUT OUTPUT VARIABLE (namespace::name)."""

import sys

source, target, variable = sys.argv[1:]
namespace, name = variable.rsplit("::", 1)
with open(source, encoding="utf-8") as file:
    text = file.read()
assert ')text"' not in text
with open(target, "w", encoding="utf-8") as file:
    file.write(f'namespace {namespace} {{\n\nextern const char {name}[];\n')
    file.write(f'const char {name}[] = R"text({text})text";\n\n}}  // namespace {namespace}\n')

#!/usr/bin/env python3
"""Prints how the source tree is built: sizes, booleans, wording, long sentences, circles between modules.

    ./scripts/structure.py             everything
    ./scripts/structure.py --circles   circles alone; exits 1 if one of them is not in ALLOWED

Test code is left out: tests.rs, tests/, and what follows `#[cfg(test)]` in a file or on a `mod` line.
It reads text, not syntax: a path that a macro makes is not seen.
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
# Circles that may stay, as sorted tuples of folders or modules.
ALLOWED = set()
LONG_SENTENCES = 5


def product_code():
    """Path below src/ and product lines of each file, without comments and test code."""
    test_only = set()
    texts = {path.relative_to(SRC): path.read_text() for path in sorted(SRC.rglob("*.rs"))}
    for path, text in texts.items():
        for name in re.findall(r"#\[cfg\(test\)\]\s*(?:pub(?:\([^)]*\))? )?mod (\w+);", text):
            inside = path.parent if path.name in ("mod.rs", "lib.rs", "main.rs") else path.with_suffix("")
            test_only |= {inside / f"{name}.rs", inside / name / "mod.rs"}
    folders = {path.parent for path in test_only if path.name == "mod.rs"}
    for path, text in texts.items():
        if path in test_only or folders & set(path.parents):
            continue
        # An inline test module is the end of its file.
        text = re.split(r"(?m)^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*(?:pub(?:\([^)]*\))? )?mod \w+ \{", text)[0]
        text = re.sub(r"(?m)^\s*#\[cfg\(test\)\]\n(?:pub(?:\([^)]*\))? )?mod \w+;\n", "", text)
        yield path, text


def without_comments(text):
    return re.sub(r"(?m)^\s*//.*\n?", "", text)


def module_of(path):
    """The module path of a file: leak/judge/mod.rs is ("leak", "judge")."""
    parts = path.with_suffix("").parts
    return () if parts in (("lib",), ("main",)) else parts[:-1] if parts[-1] == "mod" else parts


def split_list(text):
    """The parts of a list at its top level: `a, b::{c, d}` has two."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def flat(tree):
    """Each path of a use tree: `a::{b, c::d}` gives a::b and a::c::d."""
    tree = tree.strip()
    start = tree.find("{")
    if start < 0:
        yield [part.strip() for part in re.sub(r"\s+as\s+\w+$", "", tree).split("::")]
        return
    head = [part for part in tree[:start].split("::") if part.strip()]
    for part in split_list(tree[start + 1 : tree.rindex("}")]):
        for rest in flat(part):
            yield [part.strip() for part in head] + rest


def uses(path, text, modules):
    """The modules that a file names, by `use` lines and by paths that begin with crate or super."""
    own = module_of(path)
    found = set()
    code = without_comments(text)
    line = r"(?m)^\s*(?:pub(?:\([^)]*\))? )?use ([^;]+);"
    trees = re.findall(line, code)
    rest = re.sub(line, "", code)
    trees += re.findall(r"\b(?:crate|super)(?:::\w+)+", rest)
    for tree in trees:
        for parts in flat(tree):
            at = own
            if parts[0] == "crate":
                at, parts = (), parts[1:]
            elif parts[0] == "self":
                parts = parts[1:]
            elif parts[0] != "super" and own + (parts[0],) not in modules:
                # A top module without `crate::` is only in reach of lib.rs; all else is another crate.
                continue
            while parts and parts[0] == "super":
                at, parts = at[:-1], parts[1:]
            while parts and at + (parts[0],) in modules:
                at, parts = at + (parts[0],), parts[1:]
            found.add(at)
    return found


def strong_components(graph):
    """Tarjan: groups of nodes that reach one another, of two or more."""
    index, low, stack, groups = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            group, stack[at:] = stack[at:], []
            if len(group) > 1:
                groups.append(tuple(sorted(group)))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return groups


def circles(files):
    """Circles between the parts of src/, and between the parts of each folder in it, with what is in them."""
    modules = {module_of(path) for path, _ in files}
    edges = [(module_of(path), used) for path, text in files for used in uses(path, text, modules)]
    found = []
    for folder in sorted({module[:-1] for module in modules if module}):
        depth = len(folder)
        graph = collections.defaultdict(set)
        for one, other in edges:
            # A folder's own mod.rs is its front page: its children may name it, and it names them.
            if len(one) > depth < len(other) and one[:depth] == other[:depth] == folder:
                if one[depth] != other[depth]:
                    graph[one[depth]].add(other[depth])
        for group in strong_components(graph):
            found.append(tuple("/".join(folder + (part,)) for part in group))
    return found


def sentences(text):
    """The prose of a Markdown file, a sentence at a time; code blocks and addresses are left out."""
    text = re.sub(r"(?ms)^```.*?^```", "\n\n", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    for block in re.split(r"\n\s*\n|\n(?=[-*#|] ?)|\|", text):
        block = " ".join(block.split()).lstrip("-*# ")
        for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z`*\[])", block):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if words:
                yield len(words), sentence


def signatures(code):
    """The parameters of each function that has a name."""
    for match in re.finditer(r"\bfn \w+(?:<[^({]*>)?\(", code):
        depth, at = 1, match.end()
        while depth and at < len(code):
            depth += (code[at] in "([{") - (code[at] in ")]}")
            at += 1
        yield code[match.end() : at - 1]


def print_circles(found):
    print(f"circles between modules: {len(found)}")
    for group in found:
        print(f"  {' <-> '.join(group)}{'  (allowed)' if group in ALLOWED else ''}")


def main():
    if sys.argv[1:] not in ([], ["--circles"]):
        sys.exit(f"{__doc__}\nunknown arguments: {' '.join(sys.argv[1:])}")
    files = list(product_code())
    found = circles(files)
    if sys.argv[1:]:
        print_circles(found)
        sys.exit(1 if set(found) - ALLOWED else 0)

    lines = collections.Counter()
    for path, text in files:
        lines[path.parts[0] if len(path.parts) > 1 else "(top)"] += len(text.splitlines())
    print(f"product lines: {sum(lines.values())}")
    for folder, count in lines.most_common():
        print(f"  {folder:<10} {count:>6}")

    parameters = [part for _, text in files for part in signatures(without_comments(text))]
    bools = sum(len(re.findall(r":\s*bool\b", part)) for part in parameters)
    print(f"bool parameters: {bools} in {len(parameters)} functions, {100 * bools / len(parameters):.1f} per 100")

    everything = [path.read_text() for path in SRC.rglob("*.rs")]
    tell = sum(len(re.findall(r"\b(?:tell|tells|told)\b", text, re.I)) for text in everything)
    print(f"tell, tells, told in src/: {tell}")
    supers = sum(text.count("super::super") for text in everything)
    print(f"super::super in src/: {supers}")

    documents = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
    print("longest sentences, in words:")
    for document in documents:
        longest = sorted(sentences(document.read_text()), reverse=True)[:LONG_SENTENCES]
        print(f"  {document.relative_to(ROOT)}: {', '.join(str(count) for count, _ in longest)}")
        if longest:
            print(f"    {longest[0][1][:100]}")
    print_circles(found)


if __name__ == "__main__":
    main()

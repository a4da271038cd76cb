#!/usr/bin/env python3
"""Print pairs of a question and the text that answers it, a tab between them, for retrieval_bench.

    bench/retrieval_pairs.py webster    what a word means -> its synonyms    (Debian: dict-gcide)
    bench/retrieval_pairs.py foldoc     the first sentence -> the rest of the article (dict-foldoc)
    bench/retrieval_pairs.py manual     a manual page's NAME line -> its DESCRIPTION
                                        (manpages, manpages-dev)

Which belongs to which is known from where they come from. Nothing of it is in what the vectors were
trained on: entries of the dictionary that were taken from WordNet are left out.
"""
import gzip
import pathlib
import re
import subprocess
import sys

DICTIONARIES = pathlib.Path("/usr/share/dictd")


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def read(path):
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        return file.read()


def without_brackets(text):
    """With a # for each [...], whatever is inside."""
    while True:
        text, n = re.subn(r"\[[^\[\]]*\]", "#", text)
        if n == 0:
            return text


def first_sense(entry):
    """What the headword means, up to the first quotation or source; "" when it cannot be told."""
    entry = without_brackets(entry)
    head, _, body = entry.partition("\n   ")
    if head.count("\\") < 2 or "]" in entry:
        return ""
    sense = re.split(r'#|\n\n|"', body)[0]
    sense = sense.split("1. ", 1)[-1]
    return squeeze(re.sub(r"\([A-Z][^)]*\)|[{}]", "", sense))


def synonyms_of(entry):
    found = re.search(r"\n\s+Syn: (.*?)(?:\[1913 Webster\]|\n\n|$)", entry, re.DOTALL)
    if not found:
        return ""
    listed = re.sub(r"See \{.*", "", found[1], flags=re.DOTALL)
    return squeeze(re.sub(r"[{}]", "", listed)).split("--")[0]


def webster():
    for entry in re.split(r"\n\n(?=\S[^\n]*\\)", read(DICTIONARIES / "gcide.dict.dz")):
        if "WordNet" in entry or not re.match(r"\S[^\\\n]*? \\", entry):
            continue
        sense, synonyms = first_sense(entry), synonyms_of(entry)
        if len(sense.split()) >= 5 and len(re.findall("[a-z]+", synonyms)) >= 3:
            yield sense, synonyms


def foldoc():
    for entry in re.split(r"\n\n(?=\S)", read(DICTIONARIES / "foldoc.dict.dz")):
        title, _, body = entry.partition("\n\n")
        body = re.sub(r"^\s*\(\d{4}-\d\d-\d\d\)\s*$", "", body, flags=re.MULTILINE)
        body = squeeze(re.sub(r"<[^>]*>|[{}]", "", body))
        found = re.match(r"(.{30,}?[a-z)]\.) +([A-Z].{100,})", body)
        if found and "\n" not in title:
            yield found[1], found[2]


def without_markup(roff):
    roff = re.sub(r"""^[.']\\".*\n""", "", roff, flags=re.MULTILINE)
    roff = re.sub(r"^\.[A-Za-z]+", "", roff, flags=re.MULTILINE)
    roff = re.sub(r'\\f[A-Z]|\\f\(..|\\&|\\c|"', "", roff)
    roff = roff.replace("\\-", "-")
    return squeeze(re.sub(r"\\\(..|\\\[[^]]*\]|\\.", " ", roff))


def section(page, name):
    found = re.search(rf"^\.SH {name}\n(.*?)(?:^\.SH|\Z)", page, re.DOTALL | re.MULTILINE)
    return without_markup(found[1]) if found else ""


def manual():
    command = ["dpkg", "-L", "manpages", "manpages-dev"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seen = set()
    for name in sorted(listed):
        if not re.search(r"/man/man\d/.*\.gz$", name) or pathlib.Path(name).is_symlink():
            continue
        page = read(name)
        _, dash, question = section(page, "NAME").partition(" - ")
        text = section(page, "DESCRIPTION")
        if dash and len(text) >= 100 and question not in seen:
            seen.add(question)
            yield question, text


def main():
    ways = {"webster": webster, "foldoc": foldoc, "manual": manual}
    if len(sys.argv) != 2 or sys.argv[1] not in ways:
        sys.exit(f"usage: retrieval_pairs.py {'|'.join(ways)}")
    for question, text in ways[sys.argv[1]]():
        print(question.replace("\t", " "), text.replace("\t", " "), sep="\t")


if __name__ == "__main__":
    main()

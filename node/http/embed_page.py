"""Make a C constant of a page, and the policy that allows its own script and style alone.

    embed_page.py PAGE.html OUTPUT.c

The browser runs an inline script only when its hash is in the policy, so a text that finds its
way into the page from elsewhere is never run.
"""

import base64
import hashlib
import re
import sys


def sources(page, element):
    """The hashes of the contents of all such elements, as a policy says them."""
    bodies = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
    if not bodies:
        raise SystemExit(f"embed_page: the page has no <{element}>")
    return " ".join("'sha256-" + base64.b64encode(
        hashlib.sha256(body.encode()).digest()).decode() + "'" for body in bodies)


def main(source, target):
    with open(source, encoding="utf-8", newline="") as file:
        page = file.read()
    policy = ("default-src 'none'; connect-src 'self'; img-src data:; "
              f"script-src {sources(page, 'script')}; style-src {sources(page, 'style')}; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    data = page.encode()
    rows = (", ".join(str(byte if byte < 128 else byte - 256) for byte in data[at:at + 20])
            for at in range(0, len(data), 20))
    with open(target, "w", encoding="utf-8") as file:
        file.write('#include "node/http/dashboard.h"\n\n'
                   "const char tr_dashboard_page[] = {\n" + ",\n".join(rows) + ",\n0};\n\n"
                   f"const size_t tr_dashboard_size = {len(data)};\n\n"
                   f'const char tr_dashboard_policy[] = "{policy}";\n')


main(*sys.argv[1:])

#!/usr/bin/env python3
"""What it costs those who call that somebody looks: requests a second with and without a scraper.

    bench/scrape.py --bench build-bench/bench/request_bench

Rounds alternate between a node that nobody asks and one whose /metrics is asked for --rate times a
second, both with `http` in their file. Printed is the median of each, and of the ratios of
neighbours.
"""

import argparse
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Scraper(threading.Thread):
    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.url = f"http://127.0.0.1:{port}/metrics"
        self.rate = rate
        self.n = 0
        self.n_bytes = 0
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(1 / self.rate):
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    self.n_bytes = len(answer.read())
                    self.n += 1
            except OSError:
                pass  # the node is not up yet, or not any more


def run(options, rate):
    port = free_port()
    scraper = Scraper(port, rate) if rate else None
    if scraper:
        scraper.start()
    words = [options.bench, "--http", f"127.0.0.1:{port}", "--transport", options.transport,
             "--workers", str(options.workers), "--window", str(options.window),
             "--requests", str(options.requests)]
    began = time.monotonic()
    said = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          timeout=300, check=True).stdout
    seconds = time.monotonic() - began
    if scraper:
        scraper.is_over.set()
        scraper.join()
        if scraper.n < seconds * rate / 2:
            print(f"only {scraper.n} scrapes in {seconds:.1f} s", file=sys.stderr)
    found = re.search(r"\brps=(\d+)", said)
    if not found:
        raise SystemExit(f"not understood: {said}")
    return int(found.group(1)), scraper.n_bytes if scraper else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", default="build-bench/bench/request_bench")
    parser.add_argument("--transport", default="inproc")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--requests", type=int, default=2000000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rate", type=float, default=10)
    options = parser.parse_args()
    quiet, scraped = [], []
    for _ in range(options.rounds):
        quiet.append(run(options, 0)[0])
        rate, n_bytes = run(options, options.rate)
        scraped.append(rate)
    ratio = statistics.median(one / other for one, other in zip(scraped, quiet))
    print(f"name=scrape transport={options.transport} workers={options.workers} "
          f"window={options.window} rate={options.rate:g} bytes={n_bytes} "
          f"quiet={statistics.median(quiet):.0f} scraped={statistics.median(scraped):.0f} "
          f"ratio={ratio:.3f}")


if __name__ == "__main__":
    main()

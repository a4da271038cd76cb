#!/usr/bin/env python3
"""What it costs those who call that somebody looks: requests a second with and without a scraper.

    bench/scrape.py --bench build-bench/bench/request_bench

Rounds alternate between a node that nobody asks and one whose /metrics is asked for --rate times a
second, both with `http` in their file. Printed is the median of each, and of the ratios of
neighbours; `cpu_ratio` is that of the processor time that all of it took, which also tells where
a machine has other things to do.
"""

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request


def free_port():
    """None of those that the system gives away by itself: whoever connects to such a port before
    the node listens there may be given it, and meet himself."""
    for port in range(10000 + os.getpid() % 10000, 30000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise SystemExit("no port is free")


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
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                          timeout=300, check=True).stdout
    seconds = time.monotonic() - began
    if scraper:
        scraper.is_over.set()
        scraper.join()
        if scraper.n < seconds * rate / 2:
            print(f"only {scraper.n} scrapes in {seconds:.1f} s", file=sys.stderr)
    found = {key: float(value) for key, value in re.findall(r"\b(\w+)=([\d.]+)", said)}
    return found["rps"], found["cpu_s"], scraper.n_bytes if scraper else 0


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
        quiet.append(run(options, 0))
        scraped.append(run(options, options.rate))

    def median(rounds, column):
        return statistics.median(row[column] for row in rounds)

    def ratio(column):
        return statistics.median(one[column] / other[column]
                                 for one, other in zip(scraped, quiet))

    print(f"name=scrape transport={options.transport} workers={options.workers} "
          f"window={options.window} rate={options.rate:g} bytes={median(scraped, 2):.0f} "
          f"quiet={median(quiet, 0):.0f} scraped={median(scraped, 0):.0f} "
          f"ratio={ratio(0):.3f} cpu_ratio={ratio(1):.3f}")


if __name__ == "__main__":
    main()

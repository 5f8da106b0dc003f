"""The same seed gives the same datasets, bit for bit, with 1 and 2 threads, with and without recording.

Usage: check_determinism.py DYNVERT CONFIG
"""

import pathlib
import subprocess
import sys
import tempfile

import h5py


def datasets(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None)
    return found


def main(program, config):
    with tempfile.TemporaryDirectory() as folder:

        def run(name, *options):
            output = str(pathlib.Path(folder) / name)
            subprocess.run([program, "simulate", config, "-o", output, "--quiet", "--set", "experiment.trials=400", *options], check=True)
            return datasets(output)

        short = ["--set", "record.trials=[0, 100]"]
        reference = run("one.h5", *short, "--threads", "1")
        assert reference == run("again.h5", *short, "--threads", "1"), "two runs differ"
        assert reference == run("two.h5", *short, "--threads", "2"), "1 and 2 threads differ"
        plain = run("plain.h5", "--set", "record.trials=[]", "--set", "record.unsettled_limit=0")
        assert not any("/trace/" in name for name in plain)
        for name, values in plain.items():
            assert reference[name] == values, f"recording changes {name}"
        assert reference != run("other.h5", *short, "--seed", "2"), "the seed changes nothing"
        print(f"{len(reference)} datasets: equal bits")


main(*sys.argv[1:])

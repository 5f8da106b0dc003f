"""What the tests of the Python module share."""

import pathlib
import tempfile
import unittest

SMALL = {
    "experiment": {"trials": 60},
    "task": {"kind": "linear_teacher", "samples": 20},
    "network": {"layers": [6, 5, 3]},
    "learning": {"rate": 5e-3},
    "record": {"trials": [0, 59], "measures": ["angle_ndi", "spectral_abscissa"]},
    "model": [{"name": "DI", "credit": "sequential_inversion"}, {"name": "BP", "credit": "backprop"}],
}
CIRCUIT = {
    "experiment": {"trials": 3},
    "dynamics": {"solver": "rk4", "dt": 0.25, "duration": 10.0},
    "population": [{"name": "E", "units": 2, "initial": [0.5, -0.25]}],
    "projection": [{"source": "E", "target": "E", "weight": -0.5}],
    "input": [{"population": "E", "amplitude": 1.0, "start": 2.0}],
}


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

"""dynvert.Simulation: the states of a trial of the program, closed forms, arrays that are the simulator's memory, errors, Ctrl-C.

Usage: module_stepping.py
"""

import os
import signal
import threading
import time
import unittest

import dynvert
import numpy as np
from scipy.integrate import solve_ivp

# two populations in a loop, nonlinear, with a matrix each way
LOOP = {
    "experiment": {"trials": 3},
    "dynamics": {"solver": "rk4", "dt": 0.25, "duration": 10.0},
    "population": [
        {"name": "u", "units": 3, "tau": 2.0, "leak": 0.5, "initial": [0.5, -0.25, 0.1], "initial_half_width": 0.2},
        {"name": "delta", "units": 2, "tau": 1.5, "rate": "tanh"},
    ],
    "projection": [
        {"name": "W", "source": "delta", "target": "u", "kind": "uniform", "half_width": 1.0, "transmits": "rate"},
        {"name": "B", "source": "u", "target": "delta", "kind": "matrix", "matrix": [[-1.0, 0.5, 0.25], [0.5, -1.0, 0.5]]},
        {"name": "S", "source": "u", "target": "u", "weight": -0.25},
    ],
    "input": [{"population": "delta", "amplitude": 1.0, "start": 2.0, "duration": 3.5}],
}
QUIET = {name: table for name, table in LOOP.items() if name != "input"}
SINE = {**LOOP, "input": [*LOOP["input"], {"population": "u", "shape": "sine", "amplitude": 0.5, "start": 1.0, "period": 3.0}]}


def address(array):
    return array.__array_interface__["data"][0]


def slope(sim, x, input_u=0.0, input_delta=0.0):
    """dx/dt of LOOP, by NumPy alone."""
    u, delta = x[:3], x[3:]
    du = (-0.5 * u + sim.weights("W") @ np.tanh(delta) - 0.25 * u + input_u) / 2.0
    return np.concatenate([du, (-delta + sim.weights("B") @ u + input_delta) / 1.5])


class Trials(unittest.TestCase):
    def states(self, config, every, steps):
        """(steps + 1, units, columns), of each population."""
        sim = dynvert.Simulation(config, columns=3)
        found = {name: [sim[name].copy()] for name in sim.populations}
        for _ in range(steps):
            sim.advance(every)
            for name in sim.populations:
                found[name].append(sim[name].copy())
        return {name: np.stack(values) for name, values in found.items()}

    def recorded(self, config):
        with dynvert.simulate(config) as run:
            trace = run["circuit"].trace
            return {name: trace[name].transpose("time", f"unit_{name}", "record").values for name in ("u", "delta")}

    def test_steps_add_up_to_a_trial(self):
        # Inputs that are constant between switches: the same arithmetic, the same bits. Where the input is evaluated in time, a
        # time that is a sum of steps differs from a multiple of the step by rounding, which this stable loop does not amplify.
        for solver in ("euler", "sequential_euler", "heun", "rk4"):
            for config, tolerance in ((LOOP, 0.0), (SINE, 1e-12)):
                config = {**config, "dynamics": {**config["dynamics"], "solver": solver}}
                recorded = self.recorded(config)
                for every, steps in ((0.25, 40), (2.5, 4)):
                    found = self.states(config, every, steps)
                    stride = round(every / 0.25)
                    for name, values in recorded.items():
                        np.testing.assert_allclose(found[name], values[::stride], rtol=tolerance, atol=tolerance)

    def test_white_noise_has_the_path_of_the_trial(self):
        noisy = {**LOOP, "dynamics": {**LOOP["dynamics"], "solver": "euler_maruyama"}}
        noisy["population"] = [{**LOOP["population"][0], "noise": 0.3}, LOOP["population"][1]]
        found, recorded = self.states(noisy, 0.25, 40), self.recorded(noisy)
        for name, values in recorded.items():
            np.testing.assert_array_equal(found[name], values)
        self.assertFalse(np.array_equal(found["u"], self.states(LOOP, 0.25, 40)["u"]))

    def test_adaptive_steps_within_their_tolerance(self):
        dynamics = {"solver": "dopri5", "dt": 0.25, "duration": 10.0, "rtol": 1e-9, "atol": 1e-12}
        config = {**SINE, "dynamics": dynamics}
        found, recorded = self.states(config, 0.25, 40), self.recorded(config)
        for name in found:
            np.testing.assert_allclose(found[name], recorded[name], atol=1e-7)  # a hundred tolerances, over forty restarts

    def test_scipy_agrees(self):
        config = {**LOOP, "dynamics": {**LOOP["dynamics"], "dt": 0.0625}}
        sim = dynvert.Simulation(config)
        sim.input("u")[:, 0] = [0.3, -0.2, 0.1]
        start = np.concatenate([sim["u"][:, 0], sim["delta"][:, 0]])
        sim.advance(2.0)
        with self.subTest("before the input of the configuration"):
            end = solve_ivp(lambda t, x: slope(sim, x, [0.3, -0.2, 0.1]), (0, 2), start, rtol=1e-10, atol=1e-12).y[:, -1]
            # order four: at this step the error is below 1e-6 of states of size 1
            np.testing.assert_allclose(np.concatenate([sim["u"][:, 0], sim["delta"][:, 0]]), end, atol=1e-6)
        sim.advance(1.0)
        with self.subTest("both inputs together"):
            end = solve_ivp(lambda t, x: slope(sim, x, [0.3, -0.2, 0.1], 1.0), (2, 3), end, rtol=1e-10, atol=1e-12).y[:, -1]
            np.testing.assert_allclose(np.concatenate([sim["u"][:, 0], sim["delta"][:, 0]]), end, atol=1e-6)

    def test_an_input_adds_to_one_that_moves(self):
        # linear in the input: with a constant added to the sine, the states move by those of the constant alone
        linear = {**SINE, "population": [{**p, "rate": "linear"} for p in SINE["population"]]}
        states = []
        for shape, constant in (("sine", 0.7), ("sine", 0.0), ("none", 0.7), ("none", 0.0)):
            sim = dynvert.Simulation({**linear, "input": linear["input"] if shape == "sine" else linear["input"][:1]})
            sim.input("u")[:] = constant
            sim.advance(7.25)
            states.append(sim["u"].copy())
        np.testing.assert_allclose(states[0] - states[1], states[2] - states[3], atol=1e-12)

    def test_reset_and_seeds(self):
        sim = dynvert.Simulation(LOOP, seed=3, columns=2)
        start = sim["u"].copy()
        self.assertFalse(np.array_equal(start[:, 0], start[:, 1]))
        sim.advance(5.0)
        sim.reset()
        self.assertEqual(sim.time, 0)
        np.testing.assert_array_equal(sim["u"], start)
        other = dynvert.Simulation(LOOP, seed=4, columns=2)
        self.assertFalse(np.array_equal(other["u"], start))
        self.assertFalse(np.array_equal(other.weights("W"), sim.weights("W")))


class Memory(unittest.TestCase):
    def test_states_and_inputs_are_the_simulators_own(self):
        sim = dynvert.Simulation(SINE, columns=4)
        arrays = {"u": sim["u"], "delta": sim["delta"], "input": sim.input("u")}
        places = {name: address(array) for name, array in arrays.items()}
        for _ in range(5):
            sim.advance(2.0)
            sim.reset()
            sim.advance(0.25)
        self.assertEqual(places, {"u": address(sim["u"]), "delta": address(sim["delta"]), "input": address(sim.input("u"))})
        self.assertEqual(arrays["u"].shape, (3, 4))
        self.assertTrue(arrays["u"].flags.writeable)
        np.testing.assert_array_equal(arrays["u"], sim["u"])
        self.assertTrue(np.shares_memory(arrays["u"], sim["u"]))
        self.assertFalse(np.shares_memory(arrays["u"], arrays["delta"]))

    def test_what_is_written_is_where_it_goes_on(self):
        one, other = dynvert.Simulation(LOOP), dynvert.Simulation(LOOP)
        one["u"][:] = 2.0
        other["u"] = 2.0
        for sim in (one, other):
            sim.advance(0.25)
        np.testing.assert_array_equal(one["u"], other["u"])
        self.assertGreater(one["u"].min(), 1.0)

    def test_arrays_outlive_the_simulation(self):
        u = dynvert.Simulation(LOOP)["u"]
        u[:] = 3.0
        self.assertEqual(u.sum(), 9.0)

    def test_weights(self):
        sim = dynvert.Simulation(LOOP)
        B = sim.weights("B")
        np.testing.assert_array_equal(B, LOOP["projection"][1]["matrix"])
        with self.assertRaises(ValueError):
            B[0, 0] = 1.0
        sim.set_weights("B", np.arange(6).reshape(2, 3))
        np.testing.assert_array_equal(B, [[0, 1, 2], [3, 4, 5]])
        self.assertEqual(address(B), address(sim.weights("B")))
        self.assertEqual(sim.weights("S"), -0.25)
        sim.set_weights("S", -0.5)
        self.assertEqual(sim.weights("S"), -0.5)
        np.testing.assert_allclose(sim.jacobian()[0, 0], (-0.5 - 0.5) / 2.0)


class Analysis(unittest.TestCase):
    def test_jacobian_spectrum_and_steady_state(self):
        sim = dynvert.Simulation(LOOP, columns=2)
        sim.advance(3.0)
        for column in range(2):
            x = np.concatenate([sim["u"][:, column], sim["delta"][:, column]])
            J, step = sim.jacobian(column), 1e-6
            differences = [(slope(sim, x + step * e) - slope(sim, x - step * e)) / (2 * step) for e in np.eye(5)]
            # central differences: step^2 and rounding / step, both below 1e-9
            np.testing.assert_allclose(J, np.transpose(differences), atol=1e-8)
            # eigenvalues of the same matrix, which is well conditioned, by LAPACK from NumPy
            ours, theirs = np.sort_complex(sim.spectrum(column)), np.sort_complex(np.linalg.eigvals(J))
            np.testing.assert_allclose(ours, theirs, atol=1e-10)
        before = sim["u"].copy()
        steady = sim.steady_state()
        np.testing.assert_array_equal(sim["u"], before)
        for column in range(2):  # the input of the configuration is on at time 3
            rest = np.concatenate([steady["u"][:, column], steady["delta"][:, column]])
            np.testing.assert_allclose(slope(sim, rest, 0.0, 1.0), 0, atol=1e-11)
        self.assertEqual(sim.variables, {"u": slice(0, 3), "delta": slice(3, 5)})

    def test_a_closed_loop_of_ones_own(self):
        # a leaky unit, tau 2, held at 1 by its own feedback: input k (1 - u), time constant 2 / (1 + k), steady state k / (1 + k)
        k, dt = 9.0, 0.0005
        sim = dynvert.Simulation(
            {
                "experiment": {"trials": 1},
                "dynamics": {"solver": "euler", "dt": dt, "duration": 1.0},
                "population": [{"name": "u", "tau": 2.0}],
            }
        )
        u, drive = sim["u"], sim.input("u")
        for _ in range(400):
            drive[:] = k * (1 - u)
            sim.advance(dt)
        # Euler steps are exact for the recursion u <- u + dt/2 (k - (1 + k) u)
        expected = 0.9 * (1 - (1 - dt / 2 * (1 + k)) ** 400)
        np.testing.assert_allclose(u, expected, rtol=1e-12)


class Errors(unittest.TestCase):
    def test_names(self):
        sim = dynvert.Simulation(LOOP)
        for call in (lambda: sim["dleta"], lambda: sim.input("dleta")):
            with self.assertRaises(dynvert.ValueError) as caught:
                call()
            self.assertIn('did you mean "delta"', caught.exception.fault)
            self.assertEqual(caught.exception.allowed, "u, delta")
        with self.assertRaises(dynvert.ValueError):
            sim.weights("Q")
        with self.assertRaises(dynvert.ValueError):
            sim.jacobian(1)

    def test_durations(self):
        sim = dynvert.Simulation(LOOP)
        for duration in (0.0, -1.0, float("nan"), float("inf"), 0.3):
            with self.assertRaises(dynvert.ValueError):
                sim.advance(duration)
        self.assertEqual(sim.time, 0)

    def test_weights_of_another_shape(self):
        sim = dynvert.Simulation(LOOP)
        for values in (np.zeros((3, 2)), 1.0, np.zeros(6), np.full((2, 3), np.nan)):
            with self.assertRaises(dynvert.ValueError):
                sim.set_weights("B", values)
        with self.assertRaises(dynvert.ValueError):
            sim.set_weights("S", np.zeros((3, 3)))
        np.testing.assert_array_equal(sim.weights("B"), LOOP["projection"][1]["matrix"])

    def test_divergence_leaves_the_state(self):
        sim = dynvert.Simulation(LOOP, set={"projection.S.weight": 5.0}, columns=2)
        before = sim["u"].copy()
        with self.assertRaises(dynvert.DivergenceError) as caught:
            sim.advance(1000.0)
        self.assertEqual((caught.exception.population, caught.exception.kind), ("u", "diverged"))
        self.assertGreater(caught.exception.time, 0)
        self.assertEqual(sim.time, 0)
        np.testing.assert_array_equal(sim["u"], before)

    def test_configurations_that_it_cannot_step(self):
        learning = {
            "experiment": {"trials": 1},
            "task": {"kind": "linear_teacher"},
            "network": {"layers": [3, 2, 1]},
            "learning": {"rate": 1e-3},
            "model": [{"name": "BP", "credit": "backprop"}],
        }
        with self.assertRaises(dynvert.ValueError) as caught:
            dynvert.Simulation(learning)
        self.assertIn("[[population]]", caught.exception.allowed)
        with self.assertRaises(dynvert.ValueError):
            dynvert.Simulation({**QUIET, "dynamics": {"solver": "fixed_point"}})
        with self.assertRaises(dynvert.ValueError):
            dynvert.Simulation(LOOP, columns=0)

    def test_noise_ends_with_the_trial(self):
        noise = {"population": "u", "shape": "noise", "amplitude": 0.5, "noise_tau": 2.0}
        sim = dynvert.Simulation({**LOOP, "input": [noise]})
        sim.advance(10.0)
        with self.assertRaises(dynvert.ValueError) as caught:
            sim.advance(0.25)
        self.assertIn("dynamics.duration", caught.exception.allowed)
        with self.assertRaises(dynvert.ValueError):
            sim.reset()
            sim.advance(5.0)
            sim.steady_state()


class Threads(unittest.TestCase):
    SLOW = {**QUIET, "dynamics": {**LOOP["dynamics"], "max_steps": 10**9}}

    def test_ctrl_c_ends_a_long_advance_and_leaves_the_state(self):
        sim = dynvert.Simulation(self.SLOW)
        before = sim["u"].copy()
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            sim.advance(2e8)  # many minutes
        timer.join()
        self.assertEqual(sim.time, 0)
        np.testing.assert_array_equal(sim["u"], before)
        sim.advance(0.25)

    def test_one_thread_at_a_time_and_two_simulations_at_once(self):
        sim = dynvert.Simulation(self.SLOW)
        begun = threading.Event()

        def long():
            begun.set()
            sim.advance(100_000.0)

        worker = threading.Thread(target=long)
        worker.start()
        begun.wait()
        refused, other = 0, dynvert.Simulation(self.SLOW)
        while worker.is_alive():
            try:
                sim.advance(0.25)
            except RuntimeError as error:
                self.assertIn("another thread", str(error))
                refused += 1
            other.advance(0.25)
            time.sleep(0.001)
        worker.join()
        self.assertGreater(refused, 0)
        alone = dynvert.Simulation(self.SLOW)
        alone.advance(other.time)
        np.testing.assert_array_equal(alone["u"], other["u"])


if __name__ == "__main__":
    unittest.main()

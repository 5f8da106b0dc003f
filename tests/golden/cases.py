"""What golden.py runs: every example in a short form, and small experiments for each part that numbers depend on.

To add a case, add a line here and run golden.py with --update --only NAME."""

from typing import NamedTuple


class Case(NamedTuple):
    name: str
    config: str  # a file of examples/ or of this folder, without .toml
    sets: str = ""  # of --set; no blanks in values
    seed: int | None = None  # None: as the file has it
    threads: int = 1
    exit_code: int = 0
    map: str = ""  # compare the stability map of this that `inspect` makes of the run, in place of the run


ALL_MEASURES = """angle_feedback angle_ndi angle_pbp angle_bp distance_ndi distance_pbp distance_bp spectral_abscissa
slowest_time_constant numerical_abscissa critical_leak delay_margin largest_stable_step_euler largest_stable_step_rk4
largest_stable_step_sequential_euler settling_time overshoot amplification decay_rate residual"""
MEASURE = "record.measures=" + str(ALL_MEASURES.split()).replace(" ", "")
FEW_MEASURES = "record.measures=['angle_ndi','settling_time']"
UNTRACED = "record.trials=[] record.unsettled_limit=0"
CLASSES = "task.path=images.h5 task.group=/train task.targets=classes network.layers=[520,10,4] network.output=softmax"
DENSE = "experiment.trials=90 network.layers=[520,100,4] learning.rate=1e-4"
IDX = "task.kind=dataset task.path=x.idx"

EXAMPLES = [
    Case("smallest", "smallest", "experiment.trials=60 record.trials=[0,59]"),
    Case("linear_regression", "linear_regression", "experiment.trials=120 record.trials=[0,119] record.weights_every=50"),
    Case("figure_3b_normalised", "figure_3b_normalised", f"experiment.trials=60 {UNTRACED} {FEW_MEASURES}"),
    Case("nonlinear_regression", "nonlinear_regression", f"experiment.trials=60 task.samples=200 {UNTRACED} {FEW_MEASURES}",
         threads=2),
    Case("concurrent", "concurrent", "experiment.trials=12 record.trials=[0,10]"),
    Case("kolen_pollack", "kolen_pollack", "experiment.trials=100"),
    Case("predictive_coding", "predictive_coding", "experiment.trials=20 dynamics.solver=rk4 dynamics.dt=0.5"),
    Case("equilibrium_propagation", "equilibrium_propagation",
         "experiment.epochs=1 task.samples=100 task.test_samples=50 dynamics.duration=10.0"),
    Case("figure_1_transients", "figure_1_transients"),
    Case("excitatory_inhibitory", "excitatory_inhibitory", "experiment.trials=2"),
    Case("ornstein_uhlenbeck", "ornstein_uhlenbeck", "experiment.trials=3 dynamics.duration=10.0"),
    Case("digits", "digits", f"task.samples=150 task.test_samples=50 experiment.epochs=1 record.evaluate_every=50 {UNTRACED}"),
    Case("mnist_classification", "mnist_classification", "task.samples=130 task.test_samples=40 experiment.epochs=1 "
         f"network.layers=[784,70,10] record.evaluate_every=65 {UNTRACED}"),
    Case("mnist_classification_short", "mnist_classification_short", "task.samples=70 task.test_samples=40 "
         f"network.layers=[784,300,10] record.evaluate_every=35 dynamics.duration=100.0 {UNTRACED}"),
    Case("mnist_autoencoder", "mnist_autoencoder", "task.samples=200 task.test_samples=20 experiment.epochs=1 "
         "network.layers=[784,20,784] network.activation=['linear'] dynamics.duration=50.0"),
    Case("mnist_autoencoder_short", "mnist_autoencoder_short", "task.samples=200 task.test_samples=20 "
         "network.layers=[784,40,8,40,784] network.activation=['tanh','linear','tanh']"),
]

# every loop with each solver; fast forms; what settles; every measure
LOOPS = [
    *(Case(f"loops_{solver}", "loops", f"dynamics.solver={solver}")
      for solver in ("sequential_euler", "dopri5", "rosenbrock4", "fixed_point")),
    *(Case(f"loops_{solver}", "loops", f"dynamics.solver={solver} record.trials=[]") for solver in ("euler", "rk4")),
    Case("loops_settle", "loops", "dynamics.settle_tolerance=1e-2 model.nonlinear.solver=rk4 "
         "model.linearised.solver=sequential_euler model.repeat.solver=rosenbrock4 record.trials=[]"),
    Case("loops_measures", "loops", f"{MEASURE} record.trials=[]"),
    Case("loops_measures_linear", "phases", f"{MEASURE} record.trials=[]"),
    Case("loops_batch", "loops", "learning.batch=5 dynamics.solver=rk4 record.populations=['delta_1','u_3']"),
    Case("loops_groups", "loops", "learning.batch=70 task.samples=140 experiment.trials=2 dynamics.solver=sequential_euler "
         "record.trials=[1] record.compression=4", threads=2),
    Case("loops_batch_mixed", "loops", "learning.batch=5 experiment.trials=3 model.single.solver=fixed_point "
         "model.repeat.solver=rosenbrock4 model.linearised.solver=fixed_point record.trials=[]"),
    Case("fast", "fast"),
    Case("fast_off", "fast", "experiment.fast=off"),
    Case("fast_batch", "fast", "learning.batch=4"),
    Case("fast_nonlinear", "fast", "network.activation=tanh model.exact.solver=rk4 model.sequential_euler.transfer=nonlinear"),
    Case("forward", "forward"),
    Case("phases", "phases"),
    Case("phases_sequential_euler", "phases", "dynamics.solver=sequential_euler record.trials=[]"),
    Case("phases_rosenbrock4", "phases", "dynamics.solver=rosenbrock4 record.trials=[]"),
    Case("diverging", "diverging"),
    Case("diverging_stop", "diverging", "dynamics.on_divergence=stop record.commit_interval=1000.0", exit_code=3),
]

# what goes around the loops
LEARNING = [
    *(Case(f"rules_{g}", "rules", f"network.activation={g} network.output={output}") for g, output in (
        ("linear", "tanh"), ("relu", "sigmoid"), ("leaky_relu", "relu"), ("sigmoid", "leaky_relu"), ("softplus", "softplus"),
        ("tanh", "linear"))),
    Case("rules_orthogonal", "rules", "network.init={kind='orthogonal',gain=0.8} network.bias=true"),
    Case("rules_file", "rules", "network.init={kind='file',path='weights.h5',group='/of/8_7_4',snapshot=10} network.bias=true"),
    Case("rules_updates", "rules", "learning.decay=1e-3 learning.clip_delta=0.2 learning.skip_first=true "
         "record.weights_every=10", seed=2),
    Case("rules_normalised", "rules", "learning.normalise_updates=true learning.batch=4 network.bias=true"),
    Case("feedback", "feedback"),
    Case("blocks", "blocks"),
    Case("blocks_off", "blocks", "experiment.fast=off experiment.trials=45 task.samples=45"),
    Case("blocks_single", "blocks", "learning.precision=single"),
    Case("blocks_dense", "task", DENSE),
    Case("blocks_dense_single", "task", f"{DENSE} learning.precision=single"),
    Case("blocks_traced", "blocks", "record.trials=[0,70] record.interval=0.5", threads=2),
]

TASKS = [
    Case("task_linear_teacher", "task"),
    Case("task_tanh_teacher", "task", "task.kind=tanh_teacher network.activation=tanh network.bias=true"),
    Case("task_digits", "task", "task.kind=digits task.samples=60 network.layers=[256,10,10] task.scaling=unit"),
    Case("task_reals", "task", "task.kind=dataset task.path=reals.h5 task.samples=20"),
    Case("task_classes", "task", f"task.kind=dataset {CLASSES} task.test_group=/test task.scaling=unit"),
    Case("task_idx", "task", f"{IDX} task.targets_path=t.idx.gz task.scaling=standardised task.test_path=x.idx "
         "task.test_targets_path=t.idx.gz task.test_samples=10"),
    Case("task_idx_classes", "task", f"{IDX} task.targets_path=classes.idx task.targets=classes"),
    Case("task_epochs", "task", "task.samples=10 learning.batch=5 experiment.trials=7"),
]

NOT_LEARNING = [
    Case("inversion_step", "inversion", MEASURE),
    Case("inversion_ramp", "inversion", "inversion.signal=ramp inversion.rise=5.0 dynamics.solver=sequential_euler", threads=2),
    Case("inversion_noise", "inversion", "inversion.signal=noise dynamics.solver=rk4"),
    Case("inversion_rosenbrock4", "inversion", "inversion.signal=noise dynamics.solver=rosenbrock4 "
         "inversion.ratio=[] record.trials=[0]"),
    Case("inversion_fixed_point", "inversion", "dynamics.solver=fixed_point inversion.ratio=[] record.trials=[] "
         "record.measures=['angle_ndi']"),
    Case("inversion_feedback", "inversion_feedback"),
    Case("inversion_exact", "inversion_feedback", "dynamics.solver=exact inversion.feedback=['random'] inversion.onset=2.0"),
    Case("circuit", "circuit"),
    Case("circuit_sequential_euler", "circuit", "dynamics.solver=sequential_euler", threads=2),
    Case("circuit_rk4", "circuit", "dynamics.solver=rk4"),
    Case("circuit_rosenbrock4", "circuit", "dynamics.solver=rosenbrock4 experiment.trials=1"),
    Case("circuit_noise", "circuit", "dynamics.solver=euler_maruyama dynamics.noise_parts=2 population.tanh.noise=0.3"),
    Case("circuit_linear", "circuit_linear", "dynamics.duration=20.0"),
    Case("circuit_euler", "circuit_linear", "dynamics.solver=euler dynamics.duration=20.0 dynamics.dt=0.25"),
    Case("circuit_fixed_point", "circuit_linear", "dynamics.solver=fixed_point record.every=0"),
    Case("map", "linear_regression", "experiment.trials=5 record.trials=[]", map="alpha=1e-4:1:log,ratio=0.1:10:log"),
    Case("map_nonlinear", "inversion", "record.trials=[0]", map="alpha=1e-3:1:log,ratio=0.1:10:log"),
]

CASES = [*EXAMPLES, *LOOPS, *LEARNING, *TASKS, *NOT_LEARNING]

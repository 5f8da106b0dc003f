#include <dynvert/models/equations/source.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/nearest_name.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/commands/complete.hpp>
#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/inspect/stability_map_file.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/report/report_page.hpp>
#include <dynvert/sim/sweep/plan.hpp>
#include <dynvert/sim/sweep/points.hpp>

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <new>
#include <string_view>

namespace dynvert {

namespace {

/// In place of CLI11's check for numbers, whose message shows the largest double in all its digits.
const CLI::Validator whole_number(
    [](const std::string& text) {
      const bool whole = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
      return whole ? std::string() : fmt::format("found \"{}\"; allowed: a whole number, 0 or more", text);
    },
    "");

void add_config_path(CLI::App& command, ConfigArguments& arguments) {
  command.add_option("CONFIG", arguments.path, "configuration file (TOML)")->required();
  command.add_option("--set", arguments.sets, "set a key: learning.rate=0.1, model.DI.alpha=0.001; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--unset", arguments.unsets,
                  "leave out a key, a table or a model of the file: record.every; repeatable")
      ->type_name("KEY")
      ->allow_extra_args(false);
}

void add_config_options(CLI::App& command, ConfigArguments& arguments) {
  add_config_path(command, arguments);
  command.add_option("--seed", arguments.seed, "seed, overrides experiment.seed")->check(whole_number);
  command.add_option("--threads", arguments.threads, "threads, overrides experiment.threads")->check(whole_number);
}

int run_guarded(std::ostream& err, const std::function<int()>& command) {
  const auto fail = [&](int code, const std::string& message) {
    err << "dynvert: " << message << std::endl;
    return code;
  };
  try {
    return command();
  } catch (const ConfigError& error) {
    return fail(exit_usage, error.what());
  } catch (const equations::EquationError& error) {
    return fail(exit_usage, error.what());
  } catch (const ValueError& error) {
    return fail(exit_usage, error.what());
  } catch (const NumericalError& error) {
    return fail(exit_numerical, error.what());
  } catch (const IoError& error) {
    return fail(exit_io, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(exit_io, fmt::format("{}: {}", error.path1().empty() ? "the current folder" : error.path1().string(),
                                     error.code().message()));
  } catch (const std::bad_alloc&) {
    return fail(exit_io, "not enough memory. Try: dynvert check CONFIG, which estimates how much a run needs");
  }
}

/// What was meant by words that the command line does not know; empty: nothing is near.
std::string suggestion(const CLI::App& app, int argc, const char* const* argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands(nullptr)) commands.push_back(command->get_name());
  if (!first.empty() && !first.starts_with('-') && std::ranges::find(commands, first) == commands.end()) {
    const std::string ending = std::filesystem::path(first).extension().string();
    const bool is_run = ending == ".h5" || ending == ".hdf5";
    std::error_code ignored;
    if (is_run || ending == ".toml" || std::filesystem::is_regular_file(first, ignored)) {
      return fmt::format("\"{0}\" is no command; did you mean: dynvert {1} {0}", first,
                         is_run ? "inspect" : "simulate");
    }
    const std::string nearest = nearest_name(first, commands);
    return fmt::format("\"{}\" is no command{}; allowed: {}", first,
                       nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest),
                       fmt::join(commands, ", "));
  }
  const auto parsed = app.get_subcommands();
  if (parsed.empty()) return {};
  std::vector<std::string> options;
  for (const CLI::Option* option : parsed.front()->get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  for (int i = 2; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (!word.starts_with("--") || std::ranges::find(options, word) != options.end()) continue;
    const std::string nearest = nearest_name(word, options);
    return fmt::format("dynvert {} has no option {}{}", parsed.front()->get_name(), word,
                       nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
  }
  return {};
}

/// What was printed may still wait in memory.
int finish_output(int code, std::ostream& out, std::ostream& err) {
  if (out.flush()) return code;
  err << "dynvert: standard output: could not be written: " << std::strerror(errno) << std::endl;
  return code == exit_done ? exit_io : code;
}

}  // namespace

int run_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err, Isolation isolation) {
  CLI::App app{"Simulates rate-based neural circuits that learn by feedback control.", "dynvert"};
  app.set_version_flag("--version", fmt::format("dynvert {} ({})", version(), source_revision()));
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 success, 2 usage or configuration, 3 numerical failure, 4 input or output, 130 interrupted.");

  SimulateArguments simulation;
  CLI::App& simulate_command = *app.add_subcommand("simulate", "run an experiment and write an HDF5 file");
  add_config_options(simulate_command, simulation.config);
  simulate_command.add_option("-o,--output", simulation.output,
                              "file to write; default: the name of CONFIG with .h5, in the current folder");
  CLI::Option* overwrite =
      simulate_command.add_flag("--overwrite", simulation.overwrite, "replace an existing dynvert file");
  simulate_command.add_flag("--resume", simulation.resume, "resume a run that was stopped")->excludes(overwrite);
  simulate_command.add_flag("-q,--quiet", simulation.quiet, "no progress and no notes");

  SweepArguments swept;
  CLI::App& sweep_command =
      *app.add_subcommand("sweep", "run an experiment at many points, in parallel, one file per point");
  add_config_path(sweep_command, swept.config);
  sweep_command.add_option("--over", swept.over, "a key and its values; with several, all combinations are run")
      ->type_name("KEY=V1,V2,...")
      ->allow_extra_args(false);
  sweep_command.add_option("--seeds", swept.seeds, "seeds: 1:10 (both included) or 1,5,9");
  sweep_command.add_option("-o,--output", swept.output, "folder for the runs and their index, sweep.csv")->required();
  sweep_command.add_option("--jobs", swept.jobs, "parallel runs; default: the machine's threads divided by --threads")
      ->check(CLI::Range(std::size_t{1}, max_sweep_jobs));
  sweep_command.add_option("--threads", swept.config.threads, "threads per run; default: 1")->check(whole_number);
  CLI::Option* sweep_anew = sweep_command.add_flag("--overwrite", swept.overwrite, "replace the runs of this sweep");
  sweep_command.add_flag("--resume", swept.resume, "resume a sweep that was stopped")->excludes(sweep_anew);
  sweep_command.add_flag("-q,--quiet", swept.quiet, "no progress and no notes");

  ConfigArguments checked;
  CLI::App& check_command =
      *app.add_subcommand("check", "show what would run, its memory and file size, without running it");
  add_config_options(check_command, checked);

  InspectArguments inspected;
  CLI::App& inspect_command = *app.add_subcommand("inspect", "show convergence and stability of a recorded run");
  inspect_command.add_option("FILE", inspected.path, "a file that dynvert simulate wrote")->required();
  inspect_command.add_option("--model", inspected.model, "one model in detail");
  inspect_command.add_option("--trial", inspected.trial, "one trial")->check(whole_number);
  CLI::Option& json = *inspect_command.add_flag("--json", inspected.json, "JSON instead of tables");
  CLI::Option& map =
      *inspect_command
           .add_option("--map", inspected.map,
                       "compute a stability map over leak and tau_u/tau_delta and write it to an HDF5 file: "
                       "alpha=1e-4:1:log,ratio=0.1:10:log")
           ->type_name("RANGES")
           ->excludes(&json);
  inspect_command.add_option("--points", inspected.points, "points on each axis of the map")
      ->check(CLI::Range(std::size_t{2}, max_map_points))
      ->capture_default_str()
      ->needs(&map);
  inspect_command
      .add_option("--snapshot", inspected.snapshot,
                  "trials after which the weights were taken; default: the last snapshot")
      ->check(whole_number)
      ->needs(&map);
  inspect_command.add_option("-o,--output", inspected.output, "map to write")->needs(&map);
  inspect_command.add_flag("--overwrite", inspected.overwrite, "replace an existing map")->needs(&map);

  ExportArguments exported;
  CLI::App& export_command =
      *app.add_subcommand("export", "write a file for MATLAB and Octave (.mat), or a table (.csv)");
  export_command.add_option("FILE", exported.path, "a file that dynvert simulate wrote")->required();
  export_command.add_option("-o,--output", exported.output, "FILE.mat or FILE.csv")->required();
  export_command.add_option("--model", exported.model, "only this model");
  export_command.add_option("--trial", exported.trial, "only the trajectories of this recorded trial")
      ->check(whole_number);
  export_command.add_option("--group", exported.group, "for .csv: the group to write, instead of that of the trials");
  export_command.add_flag("--overwrite", exported.overwrite, "replace an existing file");

  RecoverArguments recovered;
  CLI::App& recover_command =
      *app.add_subcommand("recover", "repair the file of a run that was killed, and show what it holds");
  recover_command.add_option("FILE", recovered.path, "a file that dynvert simulate wrote")->required();

  ReportArguments reported;
  CLI::App& report_command =
      *app.add_subcommand("report", "write one interactive, self-contained HTML page about a run");
  report_command.add_option("FILE", reported.path, "a file that dynvert wrote")->required();
  report_command.add_option("-o,--output", reported.output,
                            "page to write; default: the name of FILE with .html, in the current folder");
  report_command.add_flag("--overwrite", reported.overwrite, "replace an existing report");
  report_command
      .add_option("--max-size", reported.max_size, "maximum size of the page in MB; data are downsampled to fit")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();

  NewArguments begun;
  CLI::App& new_command = *app.add_subcommand("new", "write a commented configuration to begin with");
  new_command.add_option("KIND", begun.kind, "classification, regression, inversion or circuit")->required();
  new_command.add_option("-o,--output", begun.output, "file to write; default: KIND.toml, in the current folder");

  CLI::App& plot_command =
      *app.add_subcommand("plot", "draw everything that a file supports (Python); dynvert plot --help says more");
  plot_command.set_help_flag();
  plot_command.prefix_command();

  ConfigFileArguments printed;
  CLI::App& config_command = *app.add_subcommand("config", "print the configuration that a run's file holds");
  config_command.add_option("FILE", printed.path, "a file that dynvert simulate wrote")->required();

  KeysArguments listed;
  CLI::App& keys_command = *app.add_subcommand("keys", "what a configuration may say: every table and key");
  keys_command.add_option("NAME", listed.name, "one table (dynamics) or key (dynamics.solver)");
  CLI::Option* markdown = keys_command.add_flag("--markdown", listed.markdown, "the tables of docs/configuration.md");
  keys_command.add_option("--update", listed.update, "the page to write these tables into")
      ->type_name("PAGE")
      ->needs(markdown);

  CircuitArguments circuit;
  CLI::App& circuit_command = *app.add_subcommand(
      "circuit", "print the circuit of a model as a file of equations, or what such a file describes");
  circuit_command.add_option("FILE", circuit.path, "a configuration, or a circuit file: TOML with equations")
      ->required();
  circuit_command.add_option("--model", circuit.model, "the model of the configuration, where it has several");
  circuit_command
      .add_option("--set", circuit.sets, "a key of the configuration, or a parameter of the circuit file: alpha=0.1")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  circuit_command
      .add_option("--layers", circuit.layers,
                  "for a circuit file: sizes of the layers, the input first; default: 30,20,10")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  circuit_command.add_option("--activation", circuit.activation,
                             "likewise: rate function of the layers; default: tanh");
  circuit_command.add_option("--output-activation", circuit.output_activation, "of the last one, where it differs");
  circuit_command.add_flag("--no-bias", circuit.no_bias, "likewise: the network has no biases");
  CLI::Option* shown = circuit_command.add_flag("--summary", circuit.summary,
                                                "populations, sizes, phases, rules; default of circuit files");
  CLI::Option* expand =
      circuit_command.add_flag("--expand", circuit.expand, "as a file, with all layers written out")->excludes(shown);
  CLI::Option* graph =
      circuit_command.add_flag("--graph", circuit.graph, "as a graph, for Graphviz")->excludes(expand)->excludes(shown);
  circuit_command.add_flag("--latex", circuit.latex, "its equations in LaTeX")
      ->excludes(expand)
      ->excludes(graph)
      ->excludes(shown);

  if (argc > 1 && std::string_view(argv[1]) == "complete") {  // what the shell asks for, no command for people
    complete(app, {argv + 2, argv + argc}, out);
    return exit_done;
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& request) {
    app.exit(request, out, err);
    return finish_output(exit_done, out, err);
  } catch (const CLI::CallForVersion& request) {
    app.exit(request, out, err);
    return finish_output(exit_done, out, err);
  } catch (const CLI::ParseError& error) {
    const std::string meant = suggestion(app, argc, argv);
    err << "dynvert: " << (meant.empty() ? error.what() : meant) << "\nRun with --help for more information."
        << std::endl;
    return exit_usage;
  }
  simulation.command = fmt::format("{}", fmt::join(argv, argv + argc, " "));
  inspected.command = simulation.command;

  // a run of a sweep is this program once more
  if (argc > 0 && ::access(swept.program.c_str(), X_OK) != 0) swept.program = argv[0];
  const auto reading = [&](const std::string& path, const std::function<int()>& command) {
    if (isolation == Isolation::none) return command();
    return h5::read_in_child(path, [&] { return finish_output(run_guarded(err, command), out, err); });
  };
  const int code = run_guarded(err, [&] {
    if (simulate_command.parsed()) return simulate(simulation, out, err);
    if (sweep_command.parsed()) return sweep(swept, out, err);
    if (check_command.parsed()) return check(checked, out, err);
    if (recover_command.parsed()) return reading(recovered.path, [&] { return recover(recovered, out, err); });
    if (export_command.parsed()) return reading(exported.path, [&] { return export_file(exported, out, err); });
    if (new_command.parsed()) return write_starter(begun, out);
    if (plot_command.parsed()) return plot(plot_command.remaining());
    if (config_command.parsed()) return reading(printed.path, [&] { return print_config(printed, out, err); });
    if (keys_command.parsed()) return keys(listed, out);
    if (circuit_command.parsed()) return print_circuit(circuit, out);
    if (report_command.parsed()) {
      return reading(reported.path, [&] { return report(reported, report_sources(), out, err); });
    }
    return reading(inspected.path, [&] { return inspect(inspected, out, err); });
  });
  return finish_output(code, out, err);
}

}  // namespace dynvert

#include <dynvert/sim/platform/parallel.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>

#include <algorithm>
#include <exception>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace dynvert {

namespace {

bool has_groups(const SolverKind& kind) { return kind.fixed_step || kind.adaptive; }

void copy_columns(const Layout& from, std::span<const double> x, std::span<const std::size_t> columns, const Layout& to,
                  std::span<double> y) {
  for (std::size_t c = 0; c < columns.size(); ++c) to.scatter(from.gather(x, columns[c]), c, y);
}

void put_columns(const Layout& from, std::span<const double> x, std::span<const std::size_t> columns, const Layout& to,
                 std::span<double> y) {
  for (std::size_t c = 0; c < columns.size(); ++c) to.scatter(from.gather(x, c), columns[c], y);
}

class ColumnGroups final : public Solver {
 public:
  ColumnGroups(const SolverKind& kind, const SolverSettings& settings)
      : kind_(kind), settings_(settings), whole_(kind.make(settings)) {}

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double interval) override {
    const Layout& layout = f.layout();
    const std::size_t n = column_groups(layout.columns());
    // columns that share weights which move are one system
    if (n == 1 || !f.circuit().plasticity().empty()) return whole_->run(f, x, segment, trajectory, interval);

    std::vector<Group> groups(n);
    for (std::size_t g = 0; g < n; ++g) {
      const std::size_t first = g * layout.columns() / n;
      groups[g].columns.resize((g + 1) * layout.columns() / n - first);
      std::iota(groups[g].columns.begin(), groups[g].columns.end(), first);
    }
    const std::size_t workers = evaluators_of_groups(kind_, layout.columns(), settings_.threads);
    while (workers_.size() < workers) workers_.push_back({kind_.make(settings_), std::nullopt});
    parallel_for(workers, workers, [&](std::size_t w) {
      for (std::size_t g = w; g < n; g += workers) {
        try {
          run_group(workers_[w], groups[g], f, x, segment, trajectory != nullptr ? &interval : nullptr);
        } catch (...) {
          groups[g].failure = std::current_exception();
        }
      }
    });
    return gather(groups, layout, x, segment, trajectory, interval);
  }

 private:
  struct Worker {
    std::unique_ptr<Solver> solver;
    std::optional<RightHandSide> f;
  };
  struct Group {
    std::vector<std::size_t> columns{};
    Layout layout{};
    State x{};
    Trajectory trajectory{};
    SolverRun run{};
    std::exception_ptr failure{};
  };

  static void run_group(Worker& worker, Group& group, const RightHandSide& f, const State& x, const Segment& segment,
                        const double* interval) {
    // the circuit may be another than last time
    if (worker.f) {
      *worker.f = f;
    } else {
      worker.f.emplace(f);
    }
    worker.f->keep_columns(group.columns);
    group.layout = worker.f->layout();
    group.x.assign(group.layout.size(), 0.0);
    copy_columns(f.layout(), x, group.columns, group.layout, group.x);
    Trajectory* trajectory = interval != nullptr ? &group.trajectory : nullptr;
    group.run = worker.solver->run(*worker.f, group.x, segment, trajectory, interval != nullptr ? *interval : 0.0);
  }

  static SolverRun gather(const std::vector<Group>& groups, const Layout& layout, State& x, const Segment& segment,
                          Trajectory* trajectory, double interval) {
    for (const Group& group : groups) {
      if (group.failure) std::rethrow_exception(group.failure);
    }
    SolverRun all;
    for (const Group& group : groups) {
      put_columns(group.layout, group.x, group.columns, layout, x);
      all.columns.insert(all.columns.end(), group.run.columns.begin(), group.run.columns.end());
      all.steps = std::max(all.steps, group.run.steps);
      all.evaluations += group.run.evaluations;
    }
    if (trajectory == nullptr) return all;
    trajectory->start(layout, segment.start, interval);
    State sample(layout.size());
    for (std::size_t k = 0; k < groups.front().trajectory.samples(); ++k) {
      for (const Group& group : groups)
        put_columns(group.layout, group.trajectory.state(k), group.columns, layout, sample);
      trajectory->append(sample);
    }
    return all;
  }

  const SolverKind& kind_;
  SolverSettings settings_;
  std::unique_ptr<Solver> whole_;
  std::vector<Worker> workers_;
};

}  // namespace

std::size_t evaluators_of_groups(const SolverKind& kind, std::size_t columns, std::size_t threads) noexcept {
  const std::size_t groups = column_groups(columns);
  return has_groups(kind) && groups > 1 ? std::clamp<std::size_t>(threads, 1, groups) : 0;
}

std::unique_ptr<Solver> make_reference_solver(const SolverKind& kind, const SolverSettings& settings) {
  if (!has_groups(kind)) return kind.make(settings);
  return std::make_unique<ColumnGroups>(kind, settings);
}

}  // namespace dynvert

#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/trial/circuit_weights.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

/// Matrices of one circuit, drawn in the order in which products need them.
class CircuitWeights {
 public:
  CircuitWeights(const Config& config, const CircuitPlan& plan, Network& network)
      : config_(config), plan_(plan), network_(network), known_(plan.description().matrices.size(), false) {
    for (std::size_t m = 0; m < known_.size(); ++m) known_[m] = plan.place(m).in != MatrixPlace::In::others;
    for (const auto& feedback : plan.feedback()) known_[feedback.matrix] = true;
  }

  void draw_all() {
    for (std::size_t m = 0; m < known_.size(); ++m) draw(m);
  }

 private:
  void draw(std::size_t m) {
    if (known_[m]) return;
    known_[m] = true;
    const equations::Description& d = plan_.description();
    const equations::Matrix& matrix = d.matrices[m];
    arma::mat& M = plan_.place(m).of(network_);
    const auto keys = std::ranges::find(d.weights, matrix.name.base, &equations::Keys::name);
    RandomStream random(config_.seed, fmt::format("weights {}", matrix.name.in_files()));
    if (keys == d.weights.end()) {
      M = random.normal(matrix.rows, matrix.columns) / std::sqrt(static_cast<double>(matrix.columns));
      return;
    }
    M = drawn(*keys, matrix, random);
    if (M.n_rows != matrix.rows || M.n_cols != matrix.columns)
      throw ValueError(fmt::format("[weights.{}]", keys->name),
                       fmt::format("gives a matrix of {}x{}", M.n_rows, M.n_cols),
                       fmt::format("{}x{}, the size of {}", matrix.rows, matrix.columns, matrix.name.in_equations()));
    if (const double scale = number(*keys, "scale", 1); scale != 1) M *= scale;
  }

  arma::mat drawn(const equations::Keys& keys, const equations::Matrix& matrix, RandomStream& random) {
    const std::size_t rows = matrix.rows, columns = matrix.columns;
    if (keys.kind == "uniform") return random.uniform(rows, columns, number(keys, "half_width", 1));
    if (keys.kind == "normal") return number(keys, "standard_deviation", 1) * random.normal(rows, columns);
    if (keys.kind == "orthogonal") return random_orthogonal(random, rows, columns);
    if (keys.kind == "sparse") {
      arma::mat M = number(keys, "standard_deviation", 1) * random.normal(rows, columns);
      // U(-1, 1) is below 2 density - 1 with probability density
      M.elem(arma::find(random.uniform(rows, columns, 1) >= 2 * number(keys, "density", 0.1) - 1)).zeros();
      return M;
    }
    if (keys.kind == "matrix") {
      arma::mat M(keys.matrix.size(), keys.matrix.empty() ? 0 : keys.matrix.front().size());
      for (std::size_t i = 0; i < M.n_rows; ++i)
        for (std::size_t j = 0; j < M.n_cols; ++j) M(i, j) = keys.matrix[i][j];
      return M;
    }
    if (keys.kind == "file") {
      const auto text = [&](const char* key, const char* otherwise) {
        const ParameterValue* value = keys.values.find(key);
        return value != nullptr ? std::get<std::string>(*value) : std::string(otherwise);
      };
      auto M = read_matrix(text("path", ""), text("group", "/"), text("dataset", ""), rows, columns);
      if (M) return std::move(*M);
      throw IoError(fmt::format("{}:{}", text("path", ""), text("group", "/")),
                    fmt::format("has no dataset {}", text("dataset", "")),
                    fmt::format("[weights.{}] needs it", keys.name));
    }
    if (keys.kind == "formula") {
      arma::mat M(rows, columns);
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
          M(i, j) = equations::evaluate_number(keys.expression, [&](const equations::Expression& name) {
            if (name.name() == "i") return static_cast<double>(i + 1);
            if (name.name() == "j") return static_cast<double>(j + 1);
            if (name.name() == "n") return static_cast<double>(columns);
            return plan_.number(name);
          });
        }
      }
      return M;
    }
    return value_of(keys.expression);
  }

  /// Of a product: numbers, matrices, transposes.
  arma::mat value_of(const equations::Expression& e) {
    using equations::Kind;
    switch (e.kind()) {
      case Kind::number:
        return arma::mat{e.value()};
      case Kind::negate:
        return -value_of(e.argument());
      case Kind::transpose:
        return value_of(e.argument()).t();
      case Kind::multiply: {
        const arma::mat left = value_of(e.argument(0)), right = value_of(e.argument(1));
        if (left.n_elem == 1) return left(0) * right;
        if (left.n_cols != right.n_rows)
          throw ValueError(
              to_text(e),
              fmt::format("multiplies {}x{} and {}x{}", left.n_rows, left.n_cols, right.n_rows, right.n_cols),
              "matrices that fit");
        return left * right;
      }
      default: {
        const std::size_t m = plan_.matrix(equations::name_of(e));
        draw(m);
        return plan_.place(m).of(network_);
      }
    }
  }

  static double number(const equations::Keys& keys, const char* key, double otherwise) {
    const ParameterValue* value = keys.values.find(key);
    return value != nullptr ? std::get<double>(*value) : otherwise;
  }

  const Config& config_;
  const CircuitPlan& plan_;
  Network& network_;
  std::vector<bool> known_;
};

}  // namespace

void draw_circuit_weights(const Config& config, const ModelConfig& model, const DescribedCircuit& circuit,
                          Network& network) {
  circuit.size_matrices(network);
  if (!circuit.plan().feedback().empty()) circuit.put_feedback(make_feedback(config, model, network), network);
  CircuitWeights(config, circuit.plan(), network).draw_all();
}

}  // namespace dynvert

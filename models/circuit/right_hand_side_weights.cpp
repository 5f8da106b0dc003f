// Weights that move with a circuit: where they lie, and how they are moved.

#include <dynvert/models/circuit/right_hand_side.hpp>

#include <algorithm>

namespace dynvert {

void RightHandSide::put_weights(State& x) const {
  for (std::size_t i = 0; i < plasticity_.size(); ++i) {
    const WeightUse& use = plasticity_[i].uses.front();
    const std::size_t rows = target_of(use.projection).units, columns = source_of(use.projection).units;
    const double* packed = weights_[use.projection].data();
    double* block = x.data() + layout_.offset(populations() + i);
    for (std::size_t j = 0; j < columns; ++j) {
      if (!use.transposed) {
        std::copy_n(packed + j * padded(rows), rows, block + j * rows);
        continue;
      }
      for (std::size_t r = 0; r < rows; ++r) block[r * columns + j] = packed[j * padded(rows) + r];
    }
  }
}

void RightHandSide::take_weights(const State& x) {
  for (std::size_t i = 0; i < plasticity_.size(); ++i) {
    const double* block = x.data() + layout_.offset(populations() + i);
    for (const auto& [k, transposed] : plasticity_[i].uses) {
      const std::size_t rows = target_of(k).units, columns = source_of(k).units;
      double* packed = weights_[k].data();
      for (std::size_t j = 0; j < columns; ++j) {
        if (!transposed) {
          std::copy_n(block + j * rows, rows, packed + j * padded(rows));
          continue;
        }
        for (std::size_t r = 0; r < rows; ++r) packed[j * padded(rows) + r] = block[r * columns + j];
      }
    }
  }
}

void RightHandSide::clip_weights(State& x) {
  for (std::size_t i = 0; i < plasticity_.size(); ++i) {
    const Plasticity& rule = plasticity_[i];
    // weights that rest are not updated
    if (!rule.is_bounded() || (rule.rate == 0 && rule.decay == 0)) continue;
    double* block = x.data() + layout_.offset(populations() + i);
    for (std::size_t n = 0; n < layout_.units(populations() + i); ++n)
      block[n] = std::clamp(block[n], rule.low, rule.high);
  }
  take_weights(x);
}

void RightHandSide::post_of(const PlasticProduct& product, const State& x, std::size_t column, double* post,
                            double* term) const {
  const std::size_t rows = layout_.units(product.post.empty() ? 0 : product.post.front().population);
  std::fill_n(post, rows, 0.0);
  for (const Factor& factor : product.post) {
    if (factor.coefficient == 0) continue;
    value_of(signal_of(factor), x, column, term);
    for (std::size_t r = 0; r < rows; ++r) post[r] += factor.coefficient * term[r];
  }
}

void RightHandSide::move_weights(std::size_t i, const State& x, double* out, double keep, double dt) {
  const Plasticity& rule = plasticity_[i];
  const std::size_t rows = layout_.units(circuit_.rows_of(rule)), columns = layout_.units(circuit_.columns_of(rule));
  const double* W = x.data() + layout_.offset(populations() + i);
  const double left = keep - dt * rule.decay / rule.tau;
  double* post = post_.data();
  bool first = true;
  for (const PlasticProduct& product : rule.products) {
    const double eta = dt * rule.rate * product.pre.coefficient / rule.tau;
    for (std::size_t c = 0; c < layout_.columns(); ++c) {
      post_of(product, x, c, post, post + rows);
      if (product.synapses) {
        const double* E = x.data() + layout_.offset(*product.synapses) + c * layout_.stride(*product.synapses);
        for (std::size_t j = 0; j < columns; ++j) {
          for (std::size_t r = 0; r < rows; ++r) {
            const std::size_t n = j * rows + r;
            out[n] = (first ? left * W[n] : out[n]) + eta * E[n] * post[r];
          }
        }
      } else {
        value_of(signal_of(product.pre), x, c, pre_.data());
        for (std::size_t j = 0; j < columns; ++j) {
          const double step = eta * pre_[j];
          double* column = out + j * rows;
          if (first) {
            for (std::size_t r = 0; r < rows; ++r) column[r] = left * W[j * rows + r] + step * post[r];
          } else {
            for (std::size_t r = 0; r < rows; ++r) column[r] += step * post[r];
          }
        }
      }
      first = false;
    }
  }
  // a rule that only decays
  if (first) {
    for (std::size_t n = 0; n < rows * columns; ++n) out[n] = left * W[n];
  }
}

}  // namespace dynvert

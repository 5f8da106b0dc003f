#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>

#include <fmt/format.h>

#include <cmath>

namespace dynvert {

void RightHandSide::set_noise(std::uint64_t seed, std::span<const std::uint64_t> paths) {
  if (paths.size() != layout_.columns())
    throw ValueError("right-hand side", fmt::format("{} paths of noise", paths.size()),
                     fmt::format("{}, one a column", layout_.columns()));
  if (noise_keys_.empty() || seed != noise_seed_) {
    noise_keys_.clear();
    for (const Population& p : circuit_.populations())
      noise_keys_.push_back(p.noise > 0 ? random_key(seed, fmt::format("white noise of {}", p.name)) : 0);
    noise_seed_ = seed;
  }
  paths_.assign(paths.begin(), paths.end());
}

void RightHandSide::add_noise(State& x, std::uint64_t step, double dt) const {
  for (PopulationIndex p = 0; p < populations(); ++p) {
    const double sigma = circuit_.populations()[p].noise;
    if (sigma == 0) continue;
    if (paths_.empty())
      throw ValueError(fmt::format("population \"{}\"", circuit_.populations()[p].name), "has noise without a path",
                       "a call of set_noise, after set_columns");
    const MatrixView view = layout_.view(std::span<double>(x), p);
    for (std::size_t c = 0; c < view.columns; ++c) {
      kernels_->noise({.key = {noise_keys_[p], paths_[c]},
                       .step = step,
                       .scale = sigma / tau_[p][c] * std::sqrt(dt),
                       .x = view.column(c).data(),
                       .units = view.units});
    }
  }
}

}  // namespace dynvert

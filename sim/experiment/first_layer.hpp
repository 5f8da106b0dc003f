#pragma once

/// The first layer of a model that learns in blocks of trials (models/network/online_block.hpp): where its weights are
/// while trials run, and how others see them.
///
/// | weights W_1          | where they are while trials run                                      |
/// |----------------------|----------------------------------------------------------------------|
/// | in double precision  | in the network, as they were when the open block began               |
/// | in single precision  | here; every number of single precision is one of double precision, so |
/// |                      | that they can go to the network and back without a change            |

#include <dynvert/models/network/network.hpp>
#include <dynvert/models/network/online_block.hpp>

#include <functional>
#include <span>

namespace dynvert {

class FirstLayer {
 public:
  /// @param blocked  whether the model learns in blocks; if not, nothing here does anything
  /// @param single   whether W_1 is held in single precision
  FirstLayer(bool blocked, bool single) : blocked_(blocked), single_(blocked && single) {}

  [[nodiscard]] bool blocked() const noexcept { return blocked_; }
  /// the open block; nullptr: there is none
  [[nodiscard]] OnlineBlock* block() noexcept { return block_.size() > 0 ? &block_ : nullptr; }

  /// Before the first of a series of trials, and after the last.
  void begin_trials(const Network& network);
  void end_trials(Network& network);
  /// Ends the block, and begins one. @param x  what the trials of it show, n_0 x 1 each
  void begin_block(Network& network, std::span<const arma::mat> x);
  /// Does what looks at the whole network. W_1 is put back afterwards: looking changes no bit of what comes.
  void with_all_changes(Network& network, const std::function<void()>& work);

 private:
  void end_block(Network& network);

  bool blocked_, single_;
  OnlineBlock block_;
  arma::fmat W_single_;  // while trials run, where W_1 is held in single precision; else empty
};

}  // namespace dynvert

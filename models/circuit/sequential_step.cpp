#include <dynvert/models/circuit/sequential_step.hpp>

#include <algorithm>

namespace dynvert {

void SequentialStep::bind(RightHandSide& f, State& x, double dt) {
  f_ = &f;
  x_ = &x;
  dt_ = dt;
  f.take_weights(x);
  find_carriers();
  jobs_.resize(f.populations());
  for (PopulationIndex p = 0; p < f.populations(); ++p) {
    Job& job = jobs_[p];
    f.prepare(job.of_population, p, x, x.data() + f.layout_.offset(p), 1.0, dt, &carriers_);
    if (carriers_[p]) carry(job, *carriers_[p]);
  }
  find_algebraic();
  make_schedule();
}

/// Before each block those of its algebraic ancestors that are stale then: all are at the beginning of a step, for time
/// has passed, and each is after a block moves that it depends on.
void SequentialStep::find_algebraic() {
  const auto& populations = f_->circuit_.populations();
  const auto& projections = f_->circuit_.projections();
  const std::size_t n = populations.size();
  before_.assign(f_->layout_.populations(), {});
  if (!f_->has_algebraic_) return;
  // by block: populations whose values it reads itself
  std::vector<std::vector<PopulationIndex>> reads(before_.size());
  for (const Projection& p : projections) {
    reads[p.target].push_back(p.source);
    if (p.follows) reads[p.target].push_back(p.follows->population);
  }
  for (PopulationIndex p = 0; p < n; ++p) {
    if (populations[p].signal) reads[p] = populations[p].signal->arguments;
  }
  for (std::size_t i = 0; i < f_->plasticity_.size(); ++i) {
    const auto add = [&](const Factor& factor) {
      reads[n + i].push_back(factor.population);
      if (factor.follows) reads[n + i].push_back(factor.follows->population);
    };
    for (const PlasticProduct& product : f_->plasticity_[i].products) {
      for (const Factor& factor : product.post) add(factor);
      if (product.synapses)
        reads[n + i].push_back(*product.synapses);
      else
        add(product.pre);
    }
  }
  // algebraic populations come after what they read that is algebraic
  const auto ancestors = [&](std::size_t block) {
    std::vector<bool> needed(n, false);
    const auto need = [&](const std::vector<PopulationIndex>& read) {
      for (const PopulationIndex p : read) needed[p] = needed[p] || populations[p].algebraic;
    };
    need(reads[block]);
    for (PopulationIndex p = n; p-- > 0;) {
      if (needed[p]) need(reads[p]);
    }
    return needed;
  };
  std::vector<bool> stale(n, true);
  for (std::size_t block = 0; block < before_.size(); ++block) {
    if (block < n && !populations[block].moves()) continue;
    const std::vector<bool> needed = ancestors(block);
    if (!f_->circles_.empty()) {
      // all that is in a circle, or after one, may depend on what has just moved
      for (PopulationIndex p = 0; p < n; ++p) {
        if (needed[p]) before_[block].push_back(p);
      }
      continue;
    }
    for (PopulationIndex p = 0; p < n; ++p) {
      if (!needed[p] || !stale[p]) continue;
      before_[block].push_back(p);
      stale[p] = false;
    }
    if (block >= n) continue;
    std::vector<bool> changed(n, false);
    changed[block] = true;
    for (PopulationIndex p = 0; p < n; ++p) {
      if (!populations[p].algebraic) continue;
      changed[p] = std::ranges::any_of(reads[p], [&](PopulationIndex q) { return changed[q]; });
      stale[p] = stale[p] || changed[p];
    }
  }
}

void SequentialStep::evaluate_algebraic(std::size_t block, double t) {
  if (!f_->circles_.empty()) {
    if (!before_[block].empty()) f_->complete_and_keep(*x_, t);
    return;
  }
  for (const PopulationIndex p : before_[block]) {
    if (f_->circuit_.populations()[p].signal) {
      f_->evaluate_signal(p, *x_);
    } else {
      f_->evaluate(jobs_[p].of_population, p, *x_, t);
    }
  }
}

/// Of each population whose rate the kernels compute as they move it, and other populations receive: one of the
/// projections that bring it. What a population sends to itself must not change under its kernel.
void SequentialStep::find_carriers() {
  const auto& projections = f_->circuit_.projections();
  carriers_.assign(f_->populations(), std::nullopt);
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    const PopulationIndex source = projections[k].source;
    if (projections[k].transmits == Transmit::rate && projections[k].target != source &&
        f_->rates_[source]->in_update && !f_->circuit_.populations()[source].clamped &&
        !f_->circuit_.populations()[source].signal) {
      carriers_[source] = k;
    }
  }
}

/// Whenever the source of k moves, its rate follows, and what k makes of that where it is done row by row.
void SequentialStep::carry(Job& job, ProjectionIndex k) {
  f_->transmit(k, *x_);
  AffineUpdate& update = job.of_population.update;
  update.tanh_out = f_->scratch_[k].data();
  if (!f_->for_rows_[k]) return;
  job.carried = f_->row_product(k, f_->scratch_[k].data());
  f_->kernels_->rows(job.carried);
  update.product = &job.carried;
}

/// A step is the kernel's alone where nothing has to be computed between the updates.
void SequentialStep::make_schedule() {
  schedule_.clear();
  if (f_->has_drives() || !f_->plasticity_.empty() || !f_->circles_.empty()) return;
  const auto needs_more = [](const Job& job) {
    const RightHandSide::Job& own = job.of_population;
    return !own.computed.empty() || !own.products.empty() || !own.row_products.empty();
  };
  if (std::ranges::any_of(jobs_, needs_more)) return;
  const auto& populations = f_->circuit_.populations();
  if (std::ranges::any_of(populations, [](const Population& p) { return p.signal.has_value(); })) return;
  for (PopulationIndex p = 0; p < jobs_.size(); ++p) {
    if (populations[p].algebraic) continue;
    for (const PopulationIndex before : before_[p]) schedule_.push_back(jobs_[before].of_population.update);
    schedule_.push_back(jobs_[p].of_population.update);
  }
}

void SequentialStep::advance_all(double start, std::size_t first, std::size_t count) {
  if (!schedule_.empty()) return f_->kernels_->affine(schedule_.data(), schedule_.size(), count);
  for (std::size_t k = first; k < first + count; ++k) {
    for (std::size_t b = 0; b < f_->layout_.populations(); ++b) advance(b, start + static_cast<double>(k) * dt_);
  }
}

void SequentialStep::advance(std::size_t block, double t) {
  const std::size_t populations = f_->populations();
  if (block < populations && f_->circuit_.populations()[block].algebraic) return;
  evaluate_algebraic(block, t);
  if (block < populations) return f_->evaluate(jobs_[block].of_population, block, *x_, t);
  f_->move_weights(block - populations, *x_, x_->data() + f_->layout_.offset(block), 1.0, dt_);
  if (block + 1 < f_->layout_.populations()) return;
  if (f_->has_bounds())
    f_->clip_weights(*x_);
  else
    f_->take_weights(*x_);
}

}  // namespace dynvert

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
  make_schedule();
}

/// Of each population whose rate the kernels compute as they move it, and other populations receive: one of the
/// projections that bring it. What a population sends to itself must not change under its kernel.
void SequentialStep::find_carriers() {
  const auto& projections = f_->circuit_.projections();
  carriers_.assign(f_->populations(), std::nullopt);
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    const PopulationIndex source = projections[k].source;
    if (projections[k].transmits == Transmit::rate && projections[k].target != source &&
        f_->rates_[source]->in_update && !f_->circuit_.populations()[source].clamped) {
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
  if (f_->has_drives() || !f_->plasticity_.empty()) return;
  const auto needs_more = [](const Job& job) {
    const RightHandSide::Job& own = job.of_population;
    return !own.computed.empty() || !own.products.empty() || !own.row_products.empty();
  };
  if (std::ranges::any_of(jobs_, needs_more)) return;
  for (const Job& job : jobs_) schedule_.push_back(job.of_population.update);
}

void SequentialStep::advance_all(double start, std::size_t first, std::size_t count) {
  if (!schedule_.empty()) return f_->kernels_->affine(schedule_.data(), schedule_.size(), count);
  for (std::size_t k = first; k < first + count; ++k) {
    for (std::size_t b = 0; b < f_->layout_.populations(); ++b) advance(b, start + static_cast<double>(k) * dt_);
  }
}

void SequentialStep::advance(std::size_t block, double t) {
  const std::size_t populations = f_->populations();
  if (block < populations) return f_->evaluate(jobs_[block].of_population, block, *x_, t);
  f_->move_weights(block - populations, *x_, x_->data() + f_->layout_.offset(block), 1.0, dt_);
  if (block + 1 == f_->layout_.populations()) f_->take_weights(*x_);
}

}  // namespace dynvert

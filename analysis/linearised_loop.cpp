#include <dynvert/analysis/linearised_loop.hpp>
#include <dynvert/analysis/spectrum.hpp>

namespace dynvert {

const std::optional<CycleModes>& LinearisedLoop::modes() const {
  if (reduced_) return modes_;
  if (const auto cycle = as_cycle(place_->f->circuit(), place_->loop->members)) {
    modes_ = cycle_modes(*cycle, *place_->f, *place_->x, 0);
    controller_ = modes_->position(place_->loop->controller);
  }
  reduced_ = true;
  return modes_;
}

std::size_t LinearisedLoop::controller() const {
  static_cast<void>(modes());
  return controller_;
}

const arma::cx_vec& LinearisedLoop::spectrum() const {
  if (spectrum_) return *spectrum_;
  return spectrum_.emplace(modes() ? dynvert::spectrum(*modes_)
                                   : dynvert::spectrum(*place_->f, *place_->x, 0, place_->loop->members));
}

double LinearisedLoop::abscissa() const {
  if (!abscissa_) abscissa_ = arma::real(spectrum()).max();
  return *abscissa_;
}

}  // namespace dynvert

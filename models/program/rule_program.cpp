#include <dynvert/models/error.hpp>
#include <dynvert/models/program/rule_program.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

using equations::RuleTerm;

namespace {

/// The parameter with the value that is set, or its default.
const ParameterValue& update_value(const ParameterValues& set, std::string_view name) {
  if (const ParameterValue* value = set.find(name)) return *value;
  return std::ranges::find(equations::update_parameters(), name, &Parameter::name)->default_value;
}

double real_of(const ParameterValues& set, std::string_view name) { return std::get<double>(update_value(set, name)); }

}  // namespace

RuleProgram::RuleProgram(const CircuitPlan& plan, const equations::Rule& rule, std::size_t first_memory)
    : name_(plan.matrix_name(plan.matrix(rule.matrix))), first_memory_(first_memory) {
  const equations::Description& d = plan.description();
  const std::size_t m = plan.matrix(rule.matrix);
  matrix_ = m;
  place_ = plan.place(m);
  rows_ = d.matrices[m].rows;
  columns_ = d.matrices[m].columns;
  decay_ = plan.number(rule.decay);
  const ParameterValues set = d.update_of(rule);
  const auto& optimiser = std::get<std::string>(update_value(set, "optimiser"));
  optimiser_ = optimiser == "adam" ? Optimiser::adam : optimiser == "momentum" ? Optimiser::momentum : Optimiser::sgd;
  momentum_ = real_of(set, "momentum");
  beta_1_ = real_of(set, "beta_1");
  beta_2_ = real_of(set, "beta_2");
  epsilon_ = real_of(set, "epsilon");
  clip_ = real_of(set, "clip");
  clip_delta_ = real_of(set, "clip_delta");
  normalise_ = set.find("normalise_updates") != nullptr ? std::get<bool>(update_value(set, "normalise_updates"))
                                                        : plan.run().normalise;
  const bool of_hidden_layer = place_.in != MatrixPlace::In::others && place_.number < plan.depth();
  if (set.find("clip_delta") == nullptr && of_hidden_layer) clip_delta_ = plan.run().clip_delta;
  skip_first_ = std::get<bool>(update_value(set, "skip_first"));
  if (const auto& bounds = std::get<std::vector<double>>(update_value(set, "bounds")); bounds.size() == 2) {
    low_ = bounds[0];
    high_ = bounds[1];
  }

  // eta is a factor of all terms or of none
  std::vector<bool> has_eta;
  for (const RuleTerm& t : rule.terms) {
    const double once = plan.number_with_eta(t.coefficient, 1), twice = plan.number_with_eta(t.coefficient, 2);
    if (twice != once && std::abs(twice - 2 * once) > 1e-12 * std::abs(once))
      equations::fail(t.where, fmt::format("the learning rate eta is no factor of {}", to_text(t.coefficient)),
                      "eta times numbers and parameters");
    has_eta.push_back(twice != once);
    Compiled term{.coefficient = once,
                  .phase = t.when == RuleTerm::When::end ? t.phases.front() : std::string(),
                  .average = std::nullopt,
                  .low_pass = std::nullopt,
                  .post = SignalValue(t.low ? t.factor : t.post, plan, nullptr),
                  .pre = SignalValue(t.pre, plan, nullptr)};
    if (t.low) term.low_pass = plan.low_pass(m, t).population;
    if (clip_delta_ > 0 && (t.low || t.when == RuleTerm::When::average))
      equations::fail(t.where,
                      fmt::format("clip_delta of {}", t.low ? "a low-pass of post*pre'" : "an average over time"),
                      "clip, or clip_delta = 0 in [learning.NAME]");
    if (t.when == RuleTerm::When::average) {
      Average average{term.post, term.pre, term.low_pass, rows_, columns_, t.phases, {}, {}};
      const auto note = [&](std::size_t p) { average.populations.push_back(p); };
      const auto note_pre = [&](std::size_t p) { average.pre_populations.push_back(p); };
      for_each_population(t.low ? t.factor : t.post, plan, note);
      if (t.low)
        note_pre(*term.low_pass);
      else
        for_each_population(t.pre, plan, note_pre);
      average.populations.insert(average.populations.end(), average.pre_populations.begin(),
                                 average.pre_populations.end());
      term.average = averages_.size();
      averages_.push_back(std::move(average));
    }
    terms_.push_back(std::move(term));
  }
  if (std::ranges::any_of(has_eta, [](bool has) { return has; })) {
    eta_ = plan.number(equations::Expression::name("eta"));
    const bool is_plain = optimiser_ == Optimiser::sgd && clip_ == 0 && !normalise_;
    const bool mixed = std::ranges::any_of(has_eta, [](bool has) { return !has; });
    if (mixed) eta_ = 1;
    for (std::size_t i = 0; mixed && i < terms_.size(); ++i) {
      if (!has_eta[i] && !is_plain)
        equations::fail(
            rule.terms[i].where,
            fmt::format("the learning rate eta is a factor of some terms of the rules on {}, and not of this",
                        rule.matrix.in_equations()),
            "of all, or of none, where changes are clipped, normalised or smoothed");
      terms_[i].coefficient = plan.number(rule.terms[i].coefficient);
    }
  }
}

arma::mat sum_of_low_passes(const arma::mat& factor, const arma::mat& E) {
  const arma::uword rows = factor.n_rows;
  arma::mat sum(rows, E.n_rows / rows);
  for (arma::uword c = 0; c < E.n_cols; ++c)
    sum += arma::mat(arma::reshape(E.col(c), rows, sum.n_cols)).each_col() % factor.col(c);
  return sum;
}

std::vector<RuleProgram::Memory> RuleProgram::memory() const {
  switch (optimiser_) {
    case Optimiser::sgd:
      return {};
    case Optimiser::momentum:
      return {{"momentum", rows_, columns_}};
    case Optimiser::adam:
      break;
  }
  return {{"adam_m", rows_, columns_}, {"adam_v", rows_, columns_}, {"adam_k", 1, 1}};
}

arma::mat RuleProgram::change(const PopulationValues& values, std::vector<arma::mat>& memory) const {
  arma::mat raw(rows_, columns_);
  arma::mat post, pre;
  for (const Compiled& t : terms_) {
    if (t.average) {
      const std::size_t k = first_average_ + *t.average;
      raw += (t.coefficient / values.durations[k]) * values.integrals[k];
      continue;
    }
    const std::vector<arma::mat>& at = t.phase.empty() ? values.now : values.ended.at(t.phase);
    const std::size_t batch = at.front().n_cols;
    t.post.evaluate(at, rows_, batch, post);
    // of one number for each column
    if (post.n_rows != rows_) post = arma::repmat(post, rows_, 1);
    if (t.low_pass) {
      raw += t.coefficient * sum_of_low_passes(post, at[*t.low_pass]);
      continue;
    }
    if (clip_delta_ > 0) {
      for (arma::uword c = 0; c < batch; ++c) {
        const double norm = arma::norm(post.col(c));
        if (norm > clip_delta_) post.col(c) *= clip_delta_ / norm;
      }
    }
    if (t.pre.is_one()) {
      raw += t.coefficient * arma::sum(post, 1);
      continue;
    }
    t.pre.evaluate(at, columns_, batch, pre);
    raw += t.coefficient * (post * pre.t());
  }
  return eta_ * step(std::move(raw), memory);
}

arma::mat RuleProgram::step(arma::mat raw, std::vector<arma::mat>& memory) const {
  if (clip_ > 0 || normalise_) {
    const double norm = arma::norm(raw, "fro");
    if (normalise_ && norm > 0)
      raw /= norm;
    else if (clip_ > 0 && norm > clip_)
      raw *= clip_ / norm;
  }
  switch (optimiser_) {
    case Optimiser::sgd:
      break;
    case Optimiser::momentum: {
      arma::mat& v = memory[first_memory_];
      v = momentum_ * v + raw;
      return v;
    }
    case Optimiser::adam: {
      arma::mat& m = memory[first_memory_];
      arma::mat& v = memory[first_memory_ + 1];
      double& k = memory[first_memory_ + 2](0, 0);
      k += 1;
      m = beta_1_ * m + (1 - beta_1_) * raw;
      v = beta_2_ * v + (1 - beta_2_) * arma::square(raw);
      return (m / (1 - std::pow(beta_1_, k))) / (arma::sqrt(v / (1 - std::pow(beta_2_, k))) + epsilon_);
    }
  }
  return raw;
}

void RuleProgram::apply(const arma::mat& change, Network& network) const {
  arma::mat& M = place_.of(network);
  if (decay_ != 0) M *= 1 - decay_;
  M += change;
  if (std::isfinite(low_) || std::isfinite(high_)) M = arma::clamp(M, low_, high_);
}

}  // namespace dynvert

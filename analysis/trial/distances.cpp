// How close a trial's feedback and credit signals are to those of other rules: angles and relative distances
// (measures.hpp).

#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/trial/measures.hpp>

namespace dynvert {

namespace {

using Of = TrialMeasure::Of;
using Reference = const Credit& (TrialView::*)() const;

TrialMeasure angle_to(const char* name, const char* label, const char* description, Reference reference) {
  return {.name = name,
          .label = label,
          .units = "degree",
          .description = description,
          .of = Of::credit,
          .value = [reference](const TrialView& trial, std::size_t l) {
            return angle_degrees(trial.credit()[l], (trial.*reference)()[l]);
          }};
}

TrialMeasure distance_to(const char* name, const char* label, const char* description, Reference reference) {
  return {.name = name,
          .label = label,
          .units = "1",
          .description = description,
          .of = Of::credit,
          .value = [reference](const TrialView& trial, std::size_t l) {
            return relative_distance(trial.credit()[l], (trial.*reference)()[l]);
          }};
}

}  // namespace

TrialMeasure angle_feedback_measure() {
  // the angle of figure 3c of the paper
  return {.name = "angle_feedback",
          .label = "angle to minus the transposed weights",
          .units = "degree",
          .description = "angle between B_l and minus the transposed weights of the path that it closes",
          .of = Of::feedback,
          .value = [](const TrialView& trial, std::size_t l) {
            const FeedbackPath& path = trial.path(l);
            return angle_degrees(trial.feedback()[l], -trial.network().path(path.bottom, path.top).t());
          }};
}

TrialMeasure angle_ndi_measure() {
  TrialMeasure measure =
      angle_to("angle_ndi", "angle to NDI",
               "angle between the credit signal of layer l and that of the settled loops (NDI)", &TrialView::steady);
  measure.needs_loops = true;
  measure.summary = OverTrials::median;
  return measure;
}

TrialMeasure angle_pbp_measure() {
  return angle_to("angle_pbp", "angle to PBP",
                  "angle between the credit signal of layer l and pseudo-backpropagation's",
                  &TrialView::pseudo_backprop);
}

TrialMeasure angle_bp_measure() {
  return angle_to("angle_bp", "angle to BP", "angle between the credit signal of layer l and backpropagation's",
                  &TrialView::backprop);
}

TrialMeasure distance_ndi_measure() {
  TrialMeasure measure =
      distance_to("distance_ndi", "distance to NDI",
                  "|delta_l - d| / |d|, d the credit signal of the settled loops (NDI)", &TrialView::steady);
  measure.needs_loops = true;
  return measure;
}

TrialMeasure distance_pbp_measure() {
  return distance_to("distance_pbp", "distance to PBP",
                     "|delta_l - d| / |d|, d the credit signal of pseudo-backpropagation", &TrialView::pseudo_backprop);
}

TrialMeasure distance_bp_measure() {
  return distance_to("distance_bp", "distance to BP", "|delta_l - d| / |d|, d the credit signal of backpropagation",
                     &TrialView::backprop);
}

}  // namespace dynvert

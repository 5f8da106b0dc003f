#pragma once

/// Measures of a trial as pure functions of matrices and trajectories. Each states its definition and its source.

#include <dynvert/analysis/trajectory.hpp>

#include <armadillo>

#include <optional>

namespace dynvert {

/// Angle between two matrices as vectors, in degrees, 0 to 180:  arccos( trace(A'B) / (|A| |B|) ), Frobenius norms
/// (Lillicrap et al. 2016; Podlaski & Machens 2020, figure 3c). NaN if one of them is zero. Computed as
/// 2 atan2(|a - b|, |a + b|) of the normalised matrices, which keeps small angles exact where arccos loses half the
/// digits.
[[nodiscard]] double angle_degrees(const arma::mat& A, const arma::mat& B);

/// Relative distance |A - B| / |B| of A from a reference B of its shape, Frobenius norms (the relative error of
/// numerical analysis: Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 1.2). NaN if the reference
/// is zero.
[[nodiscard]] double relative_distance(const arma::mat& A, const arma::mat& B);

/// Settling time (control engineering's 2 % criterion, for band = 0.02): the earliest sampled time from which on
///
///     |x(t) - x_inf| <= band |x_inf|      (Euclidean norm over the units of the population)
///
/// to the end of the interval from `begin` to `end`, by default the whole trajectory; samples that are NaN because the
/// column had ended do not count. @param x_inf  units values. @return the time since `begin`; nothing where the last
/// sample is outside the band.
[[nodiscard]] std::optional<double> settling_time(const Trajectory& trajectory, std::size_t population,
                                                  std::size_t column, const arma::vec& x_inf, double band,
                                                  double begin = -arma::datum::inf, double end = arma::datum::inf);

}  // namespace dynvert

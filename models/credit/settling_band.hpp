#pragma once

namespace dynvert {

/// The band around a steady state, relative to it, within which a loop has settled: control engineering's 2 %
/// criterion. The key dynamics.settling_band sets another one.
inline constexpr double default_settling_band = 0.02;

}  // namespace dynvert

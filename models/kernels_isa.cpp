// Compiled once per instruction set, into a namespace of its own (DYNVERT_ISA) with a register width of DYNVERT_LANES
// doubles. Includes nothing but the job's description: an inline library function compiled here for AVX-512 could
// otherwise be the copy that the linker keeps for everybody.
#include <dynvert/models/kernels.hpp>

namespace dynvert::DYNVERT_ISA {

namespace {

constexpr std::size_t lanes = DYNVERT_LANES;
using Vector = double __attribute__((vector_size(lanes * sizeof(double)), aligned(8)));

inline Vector load(const double* p) { return *reinterpret_cast<const Vector*>(p); }
inline void store(double* p, const Vector& v) { *reinterpret_cast<Vector*>(p) = v; }

/// `blocks` registers of rows of `columns` columns at once: each weight that is loaded serves all columns. A single
/// column sums even and odd inputs apart, since one chain of dependent additions would wait for its own latency.
template <std::size_t blocks, std::size_t columns>
inline void tile(const AffineUpdate& job, std::size_t row, std::size_t column) {
  constexpr std::size_t chains = columns == 1 ? 2 : 1;
  Vector sum[chains][columns][blocks];
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t b = 0; b < blocks; ++b) {
      sum[0][c][b] = load(job.input + (column + c) * job.rows + row + b * lanes);
      if constexpr (chains == 2) sum[1][c][b] = Vector{};
    }
  }
  for (std::size_t k = 0; k < job.term_count; ++k) {
    const AffineTerm& term = job.terms[k];
    const double* source = term.source + column * term.source_stride;
    if (term.weights == nullptr) {
      for (std::size_t c = 0; c < columns; ++c) {
        for (std::size_t b = 0; b < blocks; ++b) {
          sum[0][c][b] += term.scale * load(source + c * term.source_stride + row + b * lanes);
        }
      }
      continue;
    }
    const double* weights = term.weights + row;
    std::size_t j = 0;
    for (; j + chains <= term.inputs; j += chains) {
      for (std::size_t chain = 0; chain < chains; ++chain, weights += job.rows) {
        for (std::size_t b = 0; b < blocks; ++b) {
          const Vector w = load(weights + b * lanes);
          for (std::size_t c = 0; c < columns; ++c) {
            sum[chain][c][b] += w * source[c * term.source_stride + j + chain];
          }
        }
      }
    }
    for (; j < term.inputs; ++j, weights += job.rows) {
      for (std::size_t b = 0; b < blocks; ++b) {
        const Vector w = load(weights + b * lanes);
        for (std::size_t c = 0; c < columns; ++c) sum[0][c][b] += w * source[c * term.source_stride + j];
      }
    }
  }
  for (std::size_t c = 0; c < columns; ++c) {
    const double rate = job.rate[column + c];
    const double leak = job.leak[column + c];
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::size_t at = (column + c) * job.rows + row + b * lanes;
      Vector total = sum[0][c][b];
      if constexpr (chains == 2) total += sum[1][c][b];
      const Vector x = load(job.state + at);
      store(job.out + at, job.keep * x + rate * (total - leak * x));
    }
  }
}

template <std::size_t columns>
inline void strip(const AffineUpdate& job, std::size_t column) {
  constexpr std::size_t widest = 4;
  std::size_t row = 0;
  for (; row + widest * lanes <= job.rows; row += widest * lanes) tile<widest, columns>(job, row, column);
  switch ((job.rows - row) / lanes) {
    case 3:
      return tile<3, columns>(job, row, column);
    case 2:
      return tile<2, columns>(job, row, column);
    case 1:
      return tile<1, columns>(job, row, column);
    default:
      return;
  }
}

}  // namespace

void affine(const AffineUpdate& job);
void affine(const AffineUpdate& job) {
  std::size_t column = 0;
  for (; column + 2 <= job.columns; column += 2) strip<2>(job, column);
  if (column < job.columns) strip<1>(job, column);
}

}  // namespace dynvert::DYNVERT_ISA

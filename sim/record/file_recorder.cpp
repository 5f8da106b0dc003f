#include <dynvert/sim/record/file_recorder.hpp>

#include <algorithm>

namespace dynvert {

void FileRecorder::fill_ratio(std::size_t group, const std::string& to, const std::string& from, double divisor) {
  // in pieces: memory does not grow with the number of rows
  constexpr std::size_t piece = 65536;
  const std::size_t rows = file_.rows({group});
  const std::string path = file_.path_of({group});
  for (std::size_t first = 0; first < rows; first += piece) {
    std::vector<double> values = file_.read_back(path + "/" + from, first, std::min(piece, rows - first));
    for (double& v : values) v /= divisor;
    file_.rewrite(path + "/" + to, first, values);
  }
}

}  // namespace dynvert

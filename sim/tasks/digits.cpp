// Images of digits that dynvert draws itself, 16 x 16 pixels in ten classes, for tests and for people without MNIST.
// Glyphs of 5 x 7 dots, each image with its own size, slant, place, stroke and noise; a function of the seed.

#include <dynvert/models/random.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

namespace dynvert {

namespace {

constexpr std::size_t side = 16;
constexpr std::size_t dots_across = 5, dots_down = 7;

/// Row after row from the top; # is a dot.
constexpr std::array<std::string_view, 10> glyphs{
    ".###."
    "#...#"
    "#..##"
    "#.#.#"
    "##..#"
    "#...#"
    ".###.",
    "..#.."
    ".##.."
    "..#.."
    "..#.."
    "..#.."
    "..#.."
    ".###.",
    ".###."
    "#...#"
    "....#"
    "...#."
    "..#.."
    ".#..."
    "#####",
    ".###."
    "#...#"
    "....#"
    "..##."
    "....#"
    "#...#"
    ".###.",
    "...#."
    "..##."
    ".#.#."
    "#..#."
    "#####"
    "...#."
    "...#.",
    "#####"
    "#...."
    "####."
    "....#"
    "....#"
    "#...#"
    ".###.",
    "..##."
    ".#..."
    "#...."
    "####."
    "#...#"
    "#...#"
    ".###.",
    "#####"
    "....#"
    "...#."
    "..#.."
    ".#..."
    ".#..."
    ".#...",
    ".###."
    "#...#"
    "#...#"
    ".###."
    "#...#"
    "#...#"
    ".###.",
    ".###."
    "#...#"
    "#...#"
    ".####"
    "....#"
    "...#."
    ".##..",
};

/// The dots of a glyph, from its centre.
std::vector<std::pair<double, double>> dots_of(std::string_view glyph) {
  std::vector<std::pair<double, double>> dots;
  for (std::size_t i = 0; i < glyph.size(); ++i) {
    if (glyph[i] != '#') continue;
    dots.emplace_back(static_cast<double>(i % dots_across) - (dots_across - 1) / 2.0,
                      static_cast<double>(i / dots_across) - (dots_down - 1) / 2.0);
  }
  return dots;
}

/// Each dot is a blob of ink whose density falls off like a Gaussian; where blobs overlap the densest one shows.
void draw(std::size_t digit, RandomStream& random, std::uint8_t* pixels) {
  const arma::vec r = random.uniform(6, 1, 1.0);
  const double width = 1.9 + 0.3 * r[0], height = 1.75 + 0.25 * r[1];  // pixels between dots
  const double slant = 0.25 * r[2];
  const double x0 = (side - 1) / 2.0 + 1.5 * r[3], y0 = (side - 1) / 2.0 + 1.0 * r[4];
  const double stroke = 0.85 + 0.2 * r[5];
  std::array<double, side * side> ink{};
  for (const auto& [across, down] : dots_of(glyphs[digit])) {
    const double x = x0 + width * (across - slant * down), y = y0 + height * down;
    for (std::size_t i = 0; i < ink.size(); ++i) {
      const double dx = static_cast<double>(i % side) - x, dy = static_cast<double>(i / side) - y;
      ink[i] = std::max(ink[i], std::exp(-(dx * dx + dy * dy) / (2 * stroke * stroke)));
    }
  }
  const arma::vec noise = random.normal(ink.size(), 1);
  for (std::size_t i = 0; i < ink.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(ink[i] + 0.15 * noise[i], 0.0, 1.0)));
  }
}

Dataset draw_set(std::size_t samples, std::size_t classes, RandomStream random) {
  std::vector<std::uint8_t> pixels(samples * side * side);
  std::vector<std::uint32_t> labels(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    labels[i] = static_cast<std::uint32_t>(i % glyphs.size());
    draw(labels[i], random, pixels.data() + i * side * side);
  }
  return {.x = SampleTable::bytes(side * side, std::move(pixels)),
          .t = SampleTable::classes(classes, std::move(labels))};
}

TaskData digits_samples(const Config& config) {
  const TaskConfig& task = config.task;
  TaskData data;
  data.train = draw_set(task.samples, task.outputs, RandomStream(config.seed, "digits"));
  if (task.test_samples > 0) {
    data.test = draw_set(task.test_samples, task.outputs, RandomStream(config.seed, "digits of the test set"));
  }
  scale_inputs(task, data);
  return data;
}

}  // namespace

TaskKind digits_task() {
  static constexpr std::array<std::string_view, 3> keys{"samples", "test_samples", "scaling"};
  return {
      .name = "digits",
      .summary = "digits that dynvert draws itself, 16 x 16 pixels in 10 classes, without files",
      .keys = keys,
      .defaults = {.inputs = 256, .outputs = 10, .test_samples = 500, .targets = "classes", .scaling = "standardised"},
      .make = digits_samples,
      .memory = pixel_memory};
}

}  // namespace dynvert

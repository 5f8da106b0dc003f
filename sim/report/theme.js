// Colours that stay apart for colour-blind eyes (Okabe & Ito 2008, without the yellow that white paper swallows), and
// dashes that keep lines apart in grey.

const lightLines = ["#0072b2", "#d55e00", "#009e73", "#000000", "#cc79a7", "#56b4e9", "#e69f00"];
const darkLines = ["#56b4e9", "#e69f00", "#2fcf9f", "#ffffff", "#e59ac6", "#f0e442", "#ff8c4a"];
const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2]];

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function lineStyle(i) {
  const colours = dark.matches ? darkLines : lightLines;
  return {
    stroke: colours[i % colours.length],
    dash: dashes[(i + Math.floor(i / colours.length)) % dashes.length],
  };
}

const unitColour = (i) => (dark.matches ? darkLines : lightLines)[i % lightLines.length];

const pageColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function onThemeChange(redraw) {
  dark.addEventListener("change", redraw);
}

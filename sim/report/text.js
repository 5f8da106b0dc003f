// Text and elements. Whatever comes from the file is set as text, never as HTML.

function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...[].concat(children).filter((child) => child !== null && child !== undefined));
  return made;
}

// The sign of a number as typography has it, so that minus and digit stay together.
const minus = (text) => text.replaceAll("-", "−");

function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return minus(String(value));
  if (size >= 1e5 || size < 1e-3) {
    const text = value.toExponential(digits - 1);
    return minus(text.replace(/\.?0+e/, "e").replace("e+", "e"));
  }
  return minus(String(Number(value.toPrecision(digits))));
}

const percent = (value) => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);

// "time" and "1/time" are units of the file's time constants; "1" is none.
const inUnits = (units) => (units && units !== "1" ? ` (${units})` : "");

let nextId = 0;
const freshId = (stem) => `${stem}-${nextId++}`;

function labelled(text, control) {
  control.id = control.id || freshId("control");
  return element("div", { class: "field" }, [element("label", { for: control.id }, text), control]);
}

function select(options, chosen) {
  const made = element("select");
  for (const { value, text, disabled } of options) {
    made.append(element("option", { value, disabled, selected: value === chosen }, text));
  }
  return made;
}

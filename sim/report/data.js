"use strict";

// The data of the page: JSON, in which long columns are base64 of little-endian numbers (see report_page.hpp).

const columnTypes = { f4: Float32Array, u4: Uint32Array };

function decodeColumn(packed) {
  const [type] = Object.keys(packed);
  const text = atob(packed[type]);
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  return new columnTypes[type](bytes.buffer);
}

const isColumn = (value) => value !== null && typeof value === "object" && ("f4" in value || "u4" in value);

function readData() {
  const text = document.getElementById("data").textContent;
  return JSON.parse(text, (key, value) => (isColumn(value) ? decodeColumn(value) : value));
}

// uPlot takes null for what is not there.
const finiteOrNull = (column) => Array.from(column, (v) => (Number.isFinite(v) ? v : null));

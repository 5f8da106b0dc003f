// What the file is, and one row a model.

function statusText(data) {
  if (data.complete) return "complete";
  return `not complete (${data.status || "no status"}): it can be trusted up to trial ${data.trials_committed}`;
}

function showHeader(parent, data) {
  document.title = `${data.title || data.file} – dynvert report`;
  const facts = [data.file, data.created, data.version && `dynvert ${data.version}`, statusText(data)];
  parent.append(
    element("h1", {}, data.title || data.file),
    element("p", { class: "facts" }, facts.filter(Boolean).join("  ·  ")),
  );
  if (data.notes.length === 0) return;
  const items = data.notes.map((note) => element("li", {}, note));
  parent.append(element("ul", { class: "notes", "aria-label": "Notes" }, items));
}

function modelNotes(model) {
  const notes = [];
  if (model.status && model.status !== "complete") notes.push(model.status);
  if (model.diverged > 0) notes.push(`${model.diverged} diverged`);
  if (model.restabilisations > 0) notes.push(`${model.restabilisations} × restabilised`);
  if (model.unstable) notes.push("unstable in some trial");
  return notes.join(", ");
}

// Beside the measures that the data has a statistic of.
const modelColumns = [
  { head: "credit", of: (m) => m.credit || "–" },
  { head: "feedback", of: (m) => m.feedback ?? "–" },
  { head: "solver", of: (m) => m.solver ?? "–" },
  { head: "trials", of: (m) => (m.trials_run > 0 ? number(m.trials_run) : "–"), numeric: true },
  {
    head: "final NSE",
    of: (m) => number(m.final_nse),
    numeric: true,
    words: "NSE: training loss over the largest of all models.",
  },
  {
    head: "settled",
    of: (m) => percent(m.settled),
    numeric: true,
    words: "Settled: trials that ended within the settling band (2 % by default) of the steady state.",
  },
];

// One column for each key in which models differ; the kind of feedback has its own.
function parameterColumns(models) {
  const names = new Set(models.flatMap((m) => (m.parameters ?? []).map((p) => p.name)).filter((name) => name !== "feedback.kind"));
  return Array.from(names, (name) => ({
    head: name,
    of: (m) => (m.parameters ?? []).find((p) => p.name === name)?.value ?? "–",
    numeric: true,
  }));
}

// One column for each loss and accuracy of the last evaluation; the NSE has its own.
function finalColumns(models) {
  const names = new Set(models.flatMap((m) => m.final.map((f) => f.name)).filter((name) => name !== "nse"));
  return Array.from(names, (name) => ({
    head: `final ${name.replaceAll("_", " ")}`,
    of: (m) => number(m.final.find((f) => f.name === name)?.value),
    numeric: true,
  }));
}

// One column for each measure of which any model has a statistic.
function measureColumns(models) {
  const titles = new Map(models.flatMap((m) => m.summary.map((s) => [s.title, s.about])));
  return Array.from(titles, ([title, about]) => ({
    head: title,
    of: (m) => number(m.summary.find((s) => s.title === title)?.value),
    numeric: true,
    words: `${title[0].toUpperCase()}${title.slice(1)}: ${about}.`,
  }));
}

function showModels(parent, data) {
  if (data.models.length === 0) {
    parent.append(element("p", {}, "The file holds no models."));
    return;
  }
  // what no model of the file has takes no room
  const all = [...modelColumns, ...parameterColumns(data.models), ...finalColumns(data.models), ...measureColumns(data.models), { head: "notes", of: modelNotes }];
  const columns = all.filter((c) => data.models.some((m) => !["", "–"].includes(c.of(m))));
  const cells = (model) => columns.map((c) => element("td", { class: c.numeric && "numeric" }, c.of(model)));
  const heads = columns.map((c) => element("th", { scope: "col", class: c.numeric && "numeric" }, c.head));
  const rows = data.models.map((m) => element("tr", {}, [element("th", { scope: "row" }, m.name), ...cells(m)]));
  const words = columns.map((c) => c.words).filter(Boolean);
  parent.append(
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of models" }, [
      element("table", {}, [
        element("thead", {}, element("tr", {}, [element("th", { scope: "col" }, "model"), ...heads])),
        element("tbody", {}, rows),
      ]),
    ]),
    element("p", { class: "words" }, words.join(" ")),
  );
}

{
  const data = readData();
  showHeader(document.getElementById("header"), data);
  showModels(document.getElementById("models"), data);
  const views = [
    new Curves(document.getElementById("curves"), data),
    new Explorer(document.getElementById("explorer"), data),
  ];
  onThemeChange(() => views.forEach((view) => view.render()));
}

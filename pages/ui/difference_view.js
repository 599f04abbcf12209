// The lines of a difference. What stands in them comes from anybody: it becomes text, never markup.

const KINDS = {
  " ": ["same", "", ""],
  "+": ["added", "+", "added"],
  "-": ["removed", "−", "removed"],
  fold: ["fold", "⋯", ""],
  cut: ["cut", "…", ""],
};

function row([kind, text]) {
  const [name, sign, said] = KINDS[kind];
  const line = document.createElement("div");
  line.className = `line ${name}`;
  line.setAttribute("role", "row");
  const gutter = document.createElement("span");
  gutter.className = "sign";
  gutter.setAttribute("role", "cell");
  gutter.textContent = sign;
  if (said) gutter.setAttribute("aria-label", said);
  const shown = document.createElement("span");
  shown.className = "text";
  shown.setAttribute("role", "cell");
  shown.textContent = text;
  line.append(gutter, shown);
  return line;
}

export default function (component) {
  const { data, parentElement } = component;
  const host = parentElement.querySelector(".lines");
  host.setAttribute("aria-label", data.label);
  const drawn = JSON.stringify(data.lines);
  if (host.statemeterLines === drawn) return; // a selection in it stays over live updates
  host.statemeterLines = drawn;
  host.replaceChildren(...data.lines.map(row));
}

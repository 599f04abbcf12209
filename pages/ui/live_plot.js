// One chart that stays itself over all updates, so that a visitor's zoom and hover survive them.
// Colours come from the theme (--st-… variables), never from the figure: a trace names its place
// among the chart colours in meta.color.

function loadPlotly(url) {
  // One script for the page, however many charts it has.
  window.statemeterPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.statemeterPlotly = undefined;
      reject(new Error(`the chart library did not load from ${url}`));
    };
    document.head.append(script);
  });
  return window.statemeterPlotly;
}

function paint(figure, host) {
  const style = getComputedStyle(host);
  const read = (name) => style.getPropertyValue(name).trim();
  const palette = read("--st-chart-categorical-colors").split(",").map((one) => one.trim());
  const text = read("--st-text-color");
  const border = read("--st-border-color");
  const background = read("--st-background-color");
  const muted = read("--st-gray-text-color") || text;
  for (const trace of figure.data) {
    const color = palette[(trace.meta?.color ?? 0) % palette.length];
    trace.line = { ...trace.line, color };
    trace.marker = { ...trace.marker, color };
    if (trace.type === "icicle") { // boxes of one colour, side by side, whose names can be read
      trace.marker.line = { color: background, width: 1 };
      Object.assign(trace, { root: { color }, leaf: { opacity: 1 }, textfont: { color: background } });
    }
    if (trace.stackgroup || trace.fill) {
      trace.fillcolor = rgba(color, trace.stackgroup ? 0.5 : 0.16);
    }
  }
  const narrow = host.clientWidth < 500;
  if (narrow && figure.layout.meta?.narrow) figure.layout.xaxis.range = figure.layout.meta.narrow;
  // Of a chart that a legend of many rows leaves little of, a share of its height is too little for
  // the dates: there the legend stands on the floor, as wide as the chart, and pushes them up.
  const below = narrow && figure.layout.legend?.orientation === "h"
    ? { xref: "container", x: 0, yref: "container", y: 0, yanchor: "bottom" }
    : {};
  const axis = { gridcolor: border, linecolor: border, tickfont: { color: muted, size: 11 } };
  figure.layout = {
    ...figure.layout,
    iciclecolorway: palette,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: style.fontFamily, color: text, size: 12 },
    legend: { ...figure.layout.legend, ...below, font: { color: muted, size: narrow ? 11 : 12 } },
    hoverlabel: {
      bgcolor: read("--st-secondary-background-color"),
      bordercolor: border,
      font: { color: text, family: style.fontFamily },
    },
    xaxis: { ...figure.layout.xaxis, ...axis, ...(narrow ? { automargin: true } : {}) },
    yaxis: { ...figure.layout.yaxis, ...axis },
    autosize: true,
    uirevision: figure.layout.uirevision ?? "keep",
    // A finger on a chart scrolls the page; with a mouse it zooms.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
  };
  return figure;
}

function rgba(color, alpha) {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = color;
  const hex = canvas.fillStyle;
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${parts.join(",")},${alpha})`;
}

export default function (component) {
  const { data, parentElement } = component;
  if (!data.figure) {
    loadPlotly(data.library).catch(() => {}); // the chart that needs it will say so
    return;
  }
  const host = parentElement.querySelector(".statemeter-plot");
  host.style.height = `${data.height}px`;
  host.setAttribute("aria-label", data.label);
  host.statemeterFigure = data.figure;
  host.statemeterTell = component.setTriggerValue;
  const draw = async () => {
    try {
      const Plotly = await loadPlotly(data.library);
      const { data: traces, layout } = paint(JSON.parse(host.statemeterFigure), host);
      await Plotly.react(host, traces, layout, {
        displaylogo: false,
        showSendToCloud: false,
        responsive: true,
        modeBarButtonsToRemove: ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "toImage"],
      });
      if (data.clicks && !host.statemeterClicks) {
        host.statemeterClicks = true;
        host.style.cursor = "pointer";
        host.on("plotly_click", ({ points }) => {
          const named = points.find((point) => point.id !== undefined);
          if (named) host.statemeterTell("clicked", named.id);
        });
      }
      host.dataset.updates = String(Number(host.dataset.updates ?? 0) + 1);
    } catch (problem) {
      host.textContent = `This chart cannot be drawn: ${problem.message}.`;
    }
  };
  draw();
  if (!host.statemeterWatch) {
    let theme = getComputedStyle(host).getPropertyValue("--st-text-color");
    const watch = new MutationObserver(() => {
      const now = getComputedStyle(host).getPropertyValue("--st-text-color");
      if (now !== theme) {
        theme = now;
        draw();
      }
    });
    // The theme's variables stand in styles of elements above the chart and in <head>.
    watch.observe(document.documentElement, { attributes: true, subtree: true, attributeFilter: ["style", "class"] });
    watch.observe(document.head, { childList: true, subtree: true, characterData: true });
    const resize = new ResizeObserver(() => {
      if (window.Plotly && host.data) window.Plotly.Plots.resize(host);
    });
    resize.observe(host);
    host.statemeterWatch = () => {
      watch.disconnect();
      resize.disconnect();
    };
  }
  return () => {
    if (host.isConnected) return;
    host.statemeterWatch?.();
    host.statemeterWatch = undefined;
    host.statemeterClicks = false;
    if (window.Plotly) window.Plotly.purge(host);
  };
}

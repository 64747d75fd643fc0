"use strict";
(() => {
  // Light and dark: what the system prefers, until the button is pressed.
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const preference = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const inks = {
    light: { ink: "#1b1f24", soft: "#57606a", line: "#d4d8de", grid: "#e8eaee", raised: "#ffffff" },
    dark: { ink: "#e6e9ee", soft: "#a3acb8", line: "#4a5260", grid: "#2a3038", raised: "#1d2128" },
  };

  function colourFigures(ink) {
    for (const doc of window.Bokeh ? Bokeh.documents : []) {
      for (const model of doc._all_models.values()) {
        const has = (name) => name in model.properties;
        const change = {};
        const set = (name, value) => { if (has(name)) change[name] = value; };
        if (has("border_fill_color") && has("outline_line_color")) {
          set("border_fill_color", null); set("background_fill_color", null);
          set("outline_line_color", null); // bokeh 3.9 would draw it around the whole figure too
        } else if (has("label_text_color")) { // a legend
          set("label_text_color", ink.ink); set("background_fill_color", null);
          set("border_line_color", null); set("inactive_fill_color", ink.raised);
        } else if (has("grid_line_color")) {
          set("grid_line_color", ink.grid);
        } else if (has("major_label_text_color")) { // an axis
          for (const name of ["axis_label_text_color", "major_label_text_color"]) set(name, ink.soft);
          for (const name of ["axis_line_color", "major_tick_line_color", "minor_tick_line_color"]) set(name, ink.line);
        } else if (model.type === "Title") {
          set("text_color", ink.ink);
        } else if (model.type === "Text") {
          set("text_color", ink.soft);
        }
        if (Object.keys(change).length) model.setv(change);
      }
    }
  }

  function show() {
    const theme = chosen ?? (preference.matches ? "dark" : "light");
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to ${theme === "dark" ? "light" : "dark"} colours`);
    button.setAttribute("aria-pressed", String(chosen !== null));
    colourFigures(inks[theme]);
  }
  button.addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    show();
  });
  preference.addEventListener("change", show);
  show();

  // Rasters: see io/report/spike_blocks.py for what a block is.
  const told = document.getElementById("rasters");
  const setup = told ? JSON.parse(told.textContent) : null;

  async function decoded(about) {
    const binary = atob(document.getElementById(about.key).textContent);
    const packed = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    let at = 0;
    const next = () => {
      let value = 0, scale = 1, byte;
      do { byte = bytes[at++]; value += (byte & 127) * scale; scale *= 128; } while (byte & 128);
      return value;
    };
    const starts = new Uint32Array(about.rows + 1);
    for (let row = 0; row < about.rows; row++) starts[row + 1] = starts[row] + next();
    const entries = starts[about.rows];
    const steps = new Uint32Array(entries);
    for (let row = 0; row < about.rows; row++) {
      let now = 0;
      for (let k = starts[row]; k < starts[row + 1]; k++) { now += next(); steps[k] = now; }
    }
    let counts = null;
    if (about.counted) {
      counts = new Uint32Array(entries);
      for (let k = 0; k < entries; k++) counts[k] = next();
    }
    return { ...about, starts, steps, counts };
  }

  // The first entry of a row at or after a step.
  function search(block, row, step) {
    let low = block.starts[row], high = block.starts[row + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (block.steps[middle] < step) low = middle + 1; else high = middle;
    }
    return low;
  }

  function visible(block, x, y) {
    const first = Math.max(0, Math.floor((x.start - block.left) / block.step));
    const last = Math.floor((x.end - block.left) / block.step) + 1;
    const bottom = Math.max(0, Math.floor((y.start + 0.5) / block.units_per_row));
    const top = Math.min(block.rows, Math.ceil((y.end + 0.5) / block.units_per_row));
    const ranges = [];
    let spikes = 0;
    for (let row = bottom; row < top; row++) {
      const from = search(block, row, first), to = search(block, row, last);
      if (block.counts) for (let k = from; k < to; k++) spikes += block.counts[k];
      else spikes += to - from;
      ranges.push([row, from, to]);
    }
    return { ranges, spikes, bottom, top };
  }

  function drawPoints(raster, block, seen) {
    const x = new Float64Array(seen.spikes), y = new Float64Array(seen.spikes);
    let at = 0;
    for (const [row, from, to] of seen.ranges) {
      for (let k = from; k < to; k++) { x[at] = block.left + block.steps[k] * block.step; y[at++] = row; }
    }
    raster.points.data = { x, y };
    raster.image.data.image[0].fill(0);
    raster.image.change.emit();
  }

  function drawDensity(raster, block, seen, x) {
    const image = raster.image.data.image[0];
    const [height, width] = image.shape;
    const units = Math.max(1, seen.top - seen.bottom);
    const group = Math.ceil(units / height), rows = Math.ceil(units / group), columns = width;
    const sums = new Float64Array(rows * columns);
    const scale = columns / (x.end - x.start);
    let highest = 1;
    for (const [row, from, to] of seen.ranges) {
      const line = Math.floor((row - seen.bottom) / group) * columns;
      for (let k = from; k < to; k++) {
        const column = Math.floor((block.left + (block.steps[k] + 0.5 * block.counted) * block.step - x.start) * scale);
        if (column < 0 || column >= columns) continue;
        const sum = sums[line + column] += block.counts ? block.counts[k] : 1;
        if (sum > highest) highest = sum;
      }
    }
    // The image keeps its number of rows; where fewer units are seen, each fills several of them.
    const lowest = Math.log1p(sums.reduce((least, sum) => Math.min(least, sum), Infinity));
    const span = Math.max(Math.log1p(highest) - lowest, 1e-12);
    for (let row = 0; row < height; row++) {
      const line = Math.floor(row * rows / height) * columns;
      for (let column = 0; column < columns; column++) {
        const sum = sums[line + column];
        image[row * width + column] = sum ? Math.round(1 + 254 * (Math.log1p(sum) - lowest) / span) : 0;
      }
    }
    const fields = raster.image.data;
    fields.x[0] = x.start; fields.dw[0] = x.end - x.start;
    fields.y[0] = seen.bottom * block.units_per_row - 0.5; fields.dh[0] = rows * group * block.units_per_row;
    raster.points.data = { x: [], y: [] };
    raster.image.change.emit();
  }

  function redraw(rasters) {
    const x = rasters[0].figure.x_range;
    const chosenBlocks = rasters.map((raster) => {
      const whole = raster.blocks[0];
      const inside = raster.blocks.length === 1 || x.end <= whole.right;
      const block = inside ? whole : raster.blocks[1];
      return { raster, block, seen: visible(block, x, raster.figure.y_range) };
    });
    const spikes = chosenBlocks.reduce((sum, each) => sum + each.seen.spikes, 0);
    const single = spikes <= setup.points && chosenBlocks.every((each) => !each.block.counted);
    for (const { raster, block, seen } of chosenBlocks) {
      if (single) drawPoints(raster, block, seen); else drawDensity(raster, block, seen, x);
    }
    const number = (value) => Number(value.toPrecision(7)).toString();
    const unit = setup.unit && setup.unit !== "1" ? ` ${setup.unit}` : "";
    document.getElementById("raster-status").textContent =
      `${spikes.toLocaleString("en").replaceAll(",", "\u2009")} spikes from ${number(x.start)} to ` +
      `${number(x.end)}${unit}, ${single ? "each as a mark" : "shown as their density"}.`;
  }

  function move(x, action) {
    const width = x.end - x.start, middle = (x.start + x.end) / 2;
    let [start, end] = [x.start, x.end];
    if (action === "in") [start, end] = [middle - width / 4, middle + width / 4];
    if (action === "out") [start, end] = [middle - width, middle + width];
    if (action === "earlier") [start, end] = [start - width / 2, end - width / 2];
    if (action === "later") [start, end] = [start + width / 2, end + width / 2];
    if (action === "whole") [start, end] = [setup.left, setup.right];
    width && (end - start) < (x.min_interval ?? 0) && ([start, end] = [x.start, x.end]);
    const shift = Math.max(0, setup.left - start) - Math.max(0, end - setup.right);
    start = Math.max(setup.left, start + shift);
    end = Math.min(setup.right, end + shift);
    x.setv({ start, end });
  }

  async function startRasters() {
    const doc = Bokeh.documents.find((each) => each.get_model_by_name("raster-0"));
    const rasters = [];
    for (const each of setup.rasters) {
      rasters.push({
        ...each,
        blocks: await Promise.all(each.blocks.map(decoded)),
        figure: doc.get_model_by_name(each.name),
        image: doc.get_model_by_name(`${each.name}-image`),
        points: doc.get_model_by_name(`${each.name}-points`),
      });
    }
    let waiting = 0;
    const later = () => { clearTimeout(waiting); waiting = setTimeout(() => redraw(rasters), 60); };
    for (const raster of rasters) {
      raster.figure.y_range.change.connect(later);
    }
    const heights = rasters.map(({ figure }) => [figure.y_range, figure.y_range.start, figure.y_range.end]);
    const x = rasters[0].figure.x_range;
    x.change.connect(later);
    for (const each of document.querySelectorAll("[data-raster]")) {
      each.addEventListener("click", () => {
        move(x, each.dataset.raster);
        if (each.dataset.raster === "whole") for (const [y, start, end] of heights) y.setv({ start, end });
      });
    }
    redraw(rasters);
    root.dataset.rasters = "ready";
  }

  // Bokeh draws as soon as it can; what is done to its figures waits for that.
  let tries = 0;
  const wait = setInterval(() => {
    if (!window.Bokeh || ++tries > 600) { clearInterval(wait); return; }
    if (!Bokeh.documents.length) return;
    clearInterval(wait);
    show();
    root.dataset.figures = "ready";
    if (setup) startRasters();
  }, 25);
})();

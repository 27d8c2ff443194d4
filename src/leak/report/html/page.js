// Shows the reading under the pointer. The page says everything else without it.
for (const chart of document.querySelectorAll(".chart")) {
  const plot = chart.querySelector(".plot");
  const [x0, x1] = chart.dataset.x.split(",").map(Number);
  const [y0, y1] = chart.dataset.y.split(",").map(Number);
  const path = chart.querySelector(".line").getAttribute("d");
  const points = path.split(/[ML]/).filter(Boolean).map((point) => point.split(" ").map(Number));
  const cross = Object.assign(document.createElement("div"), { className: "cross", hidden: true });
  const tip = Object.assign(document.createElement("span"), { className: "tip", hidden: true });
  plot.append(cross, tip);
  // As in the text: 45s, 4m03s, 1h05m, 1d01h.
  const time = (seconds) => {
    const s = Math.round(seconds);
    const units = [[86400, "d", 3600, "h"], [3600, "h", 60, "m"], [60, "m", 1, "s"]];
    const found = units.find(([size]) => size <= s);
    if (!found) return s + "s";
    const [size, unit, part, smaller] = found;
    const rest = Math.floor(s % size / part);
    return Math.floor(s / size) + unit + (rest ? String(rest).padStart(2, "0") + smaller : "");
  };
  const value = (raw) => {
    if (chart.dataset.unit !== "bytes") return Number(raw.toPrecision(4)).toLocaleString("en");
    const units = ["B", "KiB", "MiB", "GiB"];
    let unit = 0;
    while (1024 <= Math.abs(raw) && unit < 3) { raw /= 1024; unit += 1; }
    return raw.toFixed(2) + " " + units[unit];
  };
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * 1000;
    const near = points.reduce((best, point) => Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best);
    const part = near[0] / 1000;
    cross.hidden = tip.hidden = false;
    cross.style.left = tip.style.left = part * 100 + "%";
    tip.style.transform = part < 0.5 ? "translateX(6px)" : "translateX(calc(-100% - 6px))";
    tip.textContent = value(y1 - near[1] / 300 * (y1 - y0)) + " at " + time(x0 + part * (x1 - x0));
  });
  plot.addEventListener("pointerleave", () => { cross.hidden = tip.hidden = true; });
}

(() => {
  "use strict";
  document.documentElement.classList.add("js");

  // Predictors chosen in the legend stay bright in every figure; the one under the pointer, in its own.
  const chosen = new Set();
  const chips = document.querySelectorAll(".chip[data-s]");
  const charts = document.querySelectorAll(".chart");
  const light = (chart, under) => {
    chart.classList.toggle("dim", chosen.size > 0 || under !== null);
    for (const group of chart.querySelectorAll(".s")) {
      group.classList.toggle("hot", chosen.has(group.dataset.s) || group.dataset.s === under);
    }
  };
  for (const chart of charts) {
    chart.addEventListener("pointerover", (event) => light(chart, event.target.closest(".s")?.dataset.s ?? null));
    chart.addEventListener("pointerleave", () => light(chart, null));
  }
  const paint = () => {
    for (const chart of charts) light(chart, null);
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chosen.has(chip.dataset.s)));
  };
  for (const chip of chips) {
    chip.setAttribute("aria-pressed", "false");
    chip.addEventListener("click", () => {
      const name = chip.dataset.s;
      if (!chosen.delete(name)) chosen.add(name);
      paint();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen.size) { chosen.clear(); paint(); }
  });

  // The listing: sort by a column, filter by words.
  const table = document.querySelector(".all table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const value = (row, column, number) => {
    const cell = row.cells[column];
    const text = cell.dataset.v ?? cell.textContent;
    if (!number) return text;
    const parsed = parseFloat(text);
    return Number.isNaN(parsed) ? null : parsed;
  };
  heads.forEach((head, column) => {
    const number = head.classList.contains("num");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const ascending = now ? now === "descending" : !number;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const sign = ascending ? 1 : -1;
      rows.sort((a, b) => {
        const x = value(a, column, number), y = value(b, column, number);
        if (x === null || y === null) return (x === null) - (y === null); // unknown values last
        return sign * (number ? x - y : x.localeCompare(y, undefined, { numeric: true }));
      });
      body.append(...rows);
    });
  });
  const box = document.querySelector(".filter input");
  const shown = document.querySelector(".filter output");
  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      visible += row.hidden ? 0 : 1;
    }
    shown.textContent = words.length ? `${visible} of ${rows.length} rows` : "";
  };
  box.addEventListener("input", apply);
})();

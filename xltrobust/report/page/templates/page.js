"use strict";
// Tables: sorted by their headers' buttons, and searched. A cell that begins with a number is sorted by it.
function valueOf(row, at) {
  const cell = row.cells[at], text = cell.textContent.trim();
  const number = parseFloat(cell.dataset.sort ?? text.replace(/^[<>~]/, "").replace("−", "-").replaceAll(",", ""));
  return [number, text];
}

function compare(one, other) {
  const numbers = [one[0], other[0]].map(Number.isNaN);
  if (numbers[0] !== numbers[1]) return numbers[0] - numbers[1];
  return numbers[0] ? one[1].localeCompare(other[1], "en", {numeric: true}) : one[0] - other[0];
}

for (const data of document.querySelectorAll(".data")) {
  const table = data.querySelector("table"), body = table.tBodies[0], headers = [...table.tHead.rows[0].cells];
  for (const [at, header] of headers.entries()) {
    header.firstElementChild.addEventListener("click", () => {
      const down = header.ariaSort === "ascending";
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map(row => [valueOf(row, at), row]);
      const empty = rows.filter(([[, text]]) => text === "");
      const filled = rows.filter(([[, text]]) => text !== "").sort(([a], [b]) => down ? compare(b, a) : compare(a, b));
      body.append(...[...filled, ...empty].map(([, row]) => row));
    });
  }
  const search = data.querySelector(".search");
  if ("short" in search.dataset) continue;
  search.hidden = false;
  search.querySelector("input").addEventListener("input", event => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    search.querySelector("output").textContent = `${shown} of ${body.rows.length} rows`;
  });
}

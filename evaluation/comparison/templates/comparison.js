
(() => {
  const table = document.querySelector("table.prompts");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const controls = document.querySelector(".controls");
  const [words, beyond] = controls.querySelectorAll("input");
  const count = controls.querySelector("output");

  const filter = () => {
    const wanted = words.value.trim().toLowerCase();
    for (const row of rows) {
      const text = `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase();
      row.hidden = !text.includes(wanted) || (beyond.checked && row.dataset.beyond !== "yes");
    }
    count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };

  const sort = (heading) => {
    const column = heading.cellIndex;
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const compare = heading.dataset.sort === "number"
      ? (one, other) => sign * (one.cells[column].dataset.value - other.cells[column].dataset.value)
      : (one, other) => sign * one.cells[column].textContent.localeCompare(other.cells[column].textContent);
    const missing = (row) => row.cells[column].dataset.value === "";
    const sorted = [...rows].sort((one, other) => missing(one) - missing(other) || compare(one, other));
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    body.append(...sorted);
  };

  for (const heading of table.querySelectorAll("[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(heading));
    heading.append(button);
  }
  controls.addEventListener("input", filter);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  filter();
})();

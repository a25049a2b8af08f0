"use strict";
// Everything on the page is readable without this script: it sorts tables, filters conversations and opens link targets.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent;
      const numeric = head.classList.contains("n");
      const rows = [...body.rows].map((row, i) => [key(row), i, row]);
      rows.sort(([a, i], [b, j]) => {
        if (a === "" || b === "") return (a === "") - (b === "") || i - j; // no value: last, either way
        const order = numeric ? Number(a) - Number(b) : a.localeCompare(b);
        return (down ? -order : order) || i - j;
      });
      body.append(...rows.map(([, , row]) => row));
    });
  });
}
const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();
const tools = document.getElementById("filters");
if (tools) {
  const group = document.getElementById("by-group"), failed = document.getElementById("by-failed");
  const chats = [...document.querySelectorAll(".chat")];
  const apply = () => {
    let shown = 0;
    for (const chat of chats) {
      chat.hidden = (group.value && chat.dataset.group !== group.value) || (failed.checked && chat.dataset.failed !== "1");
      shown += !chat.hidden;
    }
    document.getElementById("shown").textContent = `${shown} shown`;
  };
  tools.hidden = false;
  tools.addEventListener("change", apply);
}

// What scrolls sideways, a wide formula or table, takes the focus: so the arrow keys move it.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const article = document.querySelector(".bd-article");
  if (!article) return;
  const kinds = ".math, mjx-container, .pst-scrollable-table-container";
  const boxes = [...article.querySelectorAll(kinds)];
  new ResizeObserver(() => {
    const isWide = boxes.map((box) => box.scrollWidth > box.clientWidth);  // read all, then write
    boxes.forEach((box, i) => {
      if (isWide[i]) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }).observe(article);
});
